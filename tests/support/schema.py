"""Hold a record against the table that describes it."""

from unlearnzoo.records.schema import FIELDS, SAME_ROWS

KINDS = {
    "str": str,
    "int": int,
    "float": int | float,
    "bool": bool,
    "object": dict,
    "list": list,
    "list[str]": list,
    "null": type(None),
}


def check(record, fields=FIELDS):
    """Return what a record holds that is not described so, and the paths that were met."""
    wrong, met = [], set()
    for key, value in record.items():
        if key != "folder":
            _walk(key, value, fields, wrong, met)
    return wrong, met


def _walk(path, value, fields, wrong, met):
    if path not in fields:
        wrong.append(f"{path} is not described")
        return
    met.add(path)
    if not _is(value, fields[path][0]):
        wrong.append(f"{path} is described as {fields[path][0]}, and is {value!r}")
    rows = SAME_ROWS.get(path, path)
    for entry in value if isinstance(value, list) and f"{rows}[]" in _parents(fields) else []:
        _keys(f"{rows}[]", entry, fields, wrong, met)
    if isinstance(value, dict) and path in _parents(fields):
        _keys(path, value, fields, wrong, met)


def _keys(path, value, fields, wrong, met):
    for key, inner in value.items():
        own = f"{path}.{key}" in fields or f"{path}.{key}" in _parents(fields)
        place = f"{path}.{key}" if own else f"{path}.NAME"
        if place in fields or place not in _parents(fields):
            _walk(place, inner, fields, wrong, met)
        else:  # a level that has no line of its own
            _keys(place, inner, fields, wrong, met)


def _parents(fields):
    """Return every path that has keys below it."""
    found = set()
    for path in fields:
        while "." in path:
            path = path.rpartition(".")[0]
            found.add(path)
    return found


def _is(value, kinds):
    if isinstance(value, bool):
        return "bool" in kinds.split(" | ")
    return any(isinstance(value, KINDS[kind]) for kind in kinds.split(" | "))
