# Prints what environments need of the pyproject.toml that is named by the argument, as JSON.
import json
import sys

try:
    import tomllib
except ImportError:  # Python older than 3.11, whose pip has the same
    try:
        from pip._vendor import tomli as tomllib
    except ImportError:
        sys.exit("pyproject.toml can be read with Python 3.11 or later, with pip, or with uv and its lock")

try:
    with open(sys.argv[1], "rb") as f:
        project = tomllib.load(f).get("project")
except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
    sys.exit("pyproject.toml is not TOML: %s" % e)
if not isinstance(project, dict):
    sys.exit("pyproject.toml has no table project")

dependencies = project.get("dependencies", [])
if not isinstance(dependencies, list) or not all(isinstance(d, str) for d in dependencies):
    sys.exit("pyproject.toml: project.dependencies is not a list of texts")
print(
    json.dumps(
        {
            "dependencies": dependencies,
            "python": str(project.get("requires-python", "")),
            "dynamic": "dependencies" in project.get("dynamic", []),
        }
    )
)
