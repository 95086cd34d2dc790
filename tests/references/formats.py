"""What nixpkgs' formats give, by the libraries that nixpkgs uses where there are any.

Reads lines of JSON, {"format", "value", "options"}, and prints for each a line of JSON: the text,
or null when the value is refused. YAML is PyYAML's, with the options of remarshal 0.17; TOML is
read back by Python's tomllib (which gives a value, not a layout); the formats with lines are
stated here in the words of lib/generators.nix and lib/strings.nix.
"""

import json
import re
import sys


class Refused(Exception):
    pass


def yaml_1_1(value, options):
    import yaml

    # remarshal replaces the safe dumper's sorting of keys by their order in the input.
    return yaml.dump(
        value,
        Dumper=yaml.SafeDumper,
        allow_unicode=True,
        default_flow_style=False,
        encoding=None,
        sort_keys=False,
    )


def to_string(value):
    """Nix's toString."""
    if value is None or value is False:
        return ""
    if value is True:
        return "1"
    if isinstance(value, float):
        return "%f" % value
    if isinstance(value, list):
        text = ""
        for index, item in enumerate(value):
            text += to_string(item)
            if index + 1 < len(value) and item != []:
                text += " "
        return text
    if isinstance(value, dict):
        raise Refused
    return str(value)


def atom(value):
    if isinstance(value, (list, dict)):
        raise Refused
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return to_string(value)


def entries(value):
    if not isinstance(value, dict):
        raise Refused
    return sorted(value.items(), key=lambda entry: entry[0].encode())


def key_value(value, options, systemd=False):
    separator = " = " if systemd else options.get("separator", "=")
    text = ""
    for key, item in entries(value):
        several = isinstance(item, list) and options.get("listsAsDuplicateKeys", systemd)
        for one in item if several else [item]:
            text += options.get("indent", "")
            if systemd and one is None:
                text += f"# {key} is unset\n"
            elif systemd:
                text += key + separator + atom(one) + "\n"
            else:
                text += key.replace(separator, "\\" + separator) + separator + atom(one) + "\n"
    return text


def ini(value, options, systemd=False):
    sections = []
    for name, section in entries(value):
        escaped = name.replace("[", "\\[").replace("]", "\\]")
        sections.append(f"[{escaped}]\n" + key_value(section, options, systemd))
    return "\n".join(sections)


def ini_with_global_section(value, options):
    section = value.get("globalSection", {})
    text = key_value(section, options)
    return (text + "\n" if section else "") + ini(value.get("sections", {}), options)


def quote(text):
    if re.fullmatch(r"[A-Za-z0-9,._+:@%/-]+", text):
        return text
    return "'" + text.replace("'", "'\\''") + "'"


def shell_variables(value, options):
    lines = []
    for name, item in entries(value):
        if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name):
            raise Refused
        if isinstance(item, dict):
            words = [f"[{quote(key)}]={quote(to_string(one))}" for key, one in entries(item)]
            lines.append(f"declare -A {name}=({' '.join(words)})")
        elif isinstance(item, list):
            lines.append(f"declare -a {name}=({' '.join(quote(to_string(one)) for one in item)})")
        else:
            lines.append(f"{name}={quote(to_string(item))}")
    return "\n".join(lines)


FORMATS = {
    "yaml": yaml_1_1,
    "ini": ini,
    "iniWithGlobalSection": ini_with_global_section,
    "keyValue": key_value,
    "systemd": lambda value, options: ini(value, options, systemd=True),
    "shellVars": shell_variables,
}


def main():
    for line in sys.stdin:
        case = json.loads(line)
        if case["format"] == "toml":
            import tomllib

            print(json.dumps(tomllib.loads(case["value"])))
            continue
        try:
            text = FORMATS[case["format"]](case["value"], case["options"])
        except Refused:
            text = None
        print(json.dumps(text))


main()
