# Prints what this interpreter is, as JSON. It has to run on every Python 3.
import json
import os
import sys
import sysconfig
from importlib.util import find_spec

try:
    from importlib.metadata import version

    pip = version("pip")
except Exception:  # there is no pip, or this Python is older than 3.8
    pip = ""

path = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
print(
    json.dumps(
        {
            "path": path,
            "version": "%d.%d.%d" % sys.version_info[:3],
            "abi": sysconfig.get_config_var("SOABI") or sys.implementation.cache_tag,
            "platform": sysconfig.get_platform(),
            "venv": find_spec("venv") is not None,
            "ensure_pip": find_spec("ensurepip") is not None,
            "pip": pip,
        }
    )
)
