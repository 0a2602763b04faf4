"""What a fork server loads first: from here on it looks for no garbage.

It loads modules, of which next to nothing is garbage while looking for some takes a sixth of the time, and it forks. A
worker looks for garbage again from its birth on.
"""

import gc

gc.disable()
