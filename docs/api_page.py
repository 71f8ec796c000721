"""Write docs/reference/server-api.md from the server's own description.

python docs/api_page.py
"""

from pathlib import Path

from seestack.server.openapi import description

PAGE = Path(__file__).parent / "reference" / "server-api.md"
_HEAD = """\
# The dashboard's API

Made by `python docs/api_page.py` from the description that the server sends at
`/api/openapi.json`. How to use it: [Serve the dashboard](../how-to/server.md).
"""


def page() -> str:
    """Return the page."""
    document = description(token=True)
    parts = [_HEAD]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            parts.append(_operation(f"{method.upper()} {path}", operation))
    parts.append("## Values\n")
    for name, schema in document["components"]["schemas"].items():
        parts.append(f"### {name}\n\n" + "\n".join(_lines(schema)) + "\n")
    return "\n".join(parts)


def _operation(title: str, operation: dict) -> str:
    lines = [f"## {title}", "", f"{operation['summary']}. {operation['description']}", ""]
    for parameter in operation.get("parameters", []):
        text = parameter.get("description", "")
        lines.append(f"- `{parameter['name']}`: {_kind(parameter['schema'])}. {text}".rstrip())
    if "requestBody" in operation:
        lines.append(f"- body: {_content(operation['requestBody'])}")
    if lines[-1]:
        lines.append("")
    lines += ["| status | answer |", "|---|---|"]
    for status, answer in sorted(operation["responses"].items()):
        lines.append(f"| {status} | {answer['description']} {_content(answer)} |")
    return "\n".join(lines) + "\n"


def _content(answer: dict) -> str:
    names = [
        f"{kind} {_kind(value['schema'])}" if "$ref" in value["schema"] else kind
        for kind, value in answer.get("content", {}).items()
    ]
    return ", ".join(names)


def _lines(schema: dict, depth: int = 0) -> list[str]:
    lines = []
    for name, value in schema.get("properties", {}).items():
        text = f": {_kind(value)}"
        if "description" in value:
            text += f"; {value['description']}"
        lines.append(f"{'  ' * depth}- `{name}`{text}")
        lines += _lines(value, depth + 1)
    return lines


def _kind(schema: dict) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_kind(each) for each in schema["anyOf"]))
    if "enum" in schema:
        return "one of " + ", ".join(f"`{choice}`" for choice in schema["enum"])
    kind = schema.get("type", "any")
    text = " or ".join(kind) if isinstance(kind, list) else kind
    if "items" in schema:
        text += f" of {_kind(schema['items'])}"
    limits = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "pattern": "like"}
    for key, word in limits.items():
        if key in schema:
            text += f" {word} `{schema[key]}`"
    if "default" in schema:
        text += f", default `{schema['default']}`"
    return text


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
