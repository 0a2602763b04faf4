"""The figures of a report, several modules by kind; none touches the state of pyplot."""
