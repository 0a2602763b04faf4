"""What a fork server loads last: whatever it forks looks for garbage, a worker or a process of somebody else's."""

import gc

gc.enable()
