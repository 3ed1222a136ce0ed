"""The measurements stand beside the package; appended, so that what is installed is found first."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))
