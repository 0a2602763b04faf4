"""What a fork server loads first: while it loads the rest, it looks for no garbage.

Of what it loads next to nothing is garbage, and to look for some takes a sixth of the time.
"""

import gc

gc.disable()
