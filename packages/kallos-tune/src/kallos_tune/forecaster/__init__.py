"""From best parameters to a forecast: trained, judged on later steps, used for the next one."""
