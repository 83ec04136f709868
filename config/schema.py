"""The JSON Schema of the file, for editors: made from the same settings that check it."""

from typing import Any

from config.options import defaults
from config.section import Section
from config.settings import Settings
from config.values import JsonSchema

DIALECT = "https://json-schema.org/draft/2020-12/schema"
VARIABLE = {
    "description": "Text with `${NAME}` or `${NAME:-default}` in it, from the environment.",
    "type": "string",
    "pattern": r"\$\{.+\}",
}
LEAF_KEYS = ("type", "pattern", "enum", "const", "minimum", "maximum", "minLength")


def json_schema() -> JsonSchema:
    """A schema of draft 2020-12. It knows less than `limpet check`: no options that contradict each other."""
    schema = Settings.model_json_schema(by_alias=True)
    sections = {section.__name__: section for section in Section.__subclasses__()}
    for name, definition in (("Settings", schema), *schema["$defs"].items()):
        if name in sections:
            show_defaults(definition["properties"], sections[name])
    schema = adapted(schema)
    schema["$defs"]["Variable"] = VARIABLE
    return {"$schema": DIALECT, **schema, "title": "Limpet"}


def show_defaults(properties: JsonSchema, section: type[Section]) -> None:
    """Defaults as the file would have them (`30m`, not 1800.0); those that are sections show their own."""
    for key, value in defaults(section).items():
        properties[key].pop("default", None)
        if value is not None and not isinstance(value, dict):
            properties[key]["default"] = value


def adapted(schema: Any) -> Any:
    """The same without pydantic's titles, and with a variable allowed wherever a single value is."""
    if isinstance(schema, list):
        return [adapted(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if is_leaf(schema):
        about = {key: value for key, value in schema.items() if key in ("description", "default")}
        kind = {key: value for key, value in schema.items() if key in LEAF_KEYS}
        return {**about, "anyOf": [kind, {"$ref": "#/$defs/Variable"}]}
    result: JsonSchema = {}
    for key, value in schema.items():
        if key in ("properties", "$defs"):  # names of ours, `title` and `default` could be among them
            result[key] = {name: adapted(each) for name, each in value.items()}
        elif key != "title":
            result[key] = value if key in ("default", "propertyNames") else adapted(value)
    if "patternProperties" in result:
        result["additionalProperties"] = False
    return result


def is_leaf(schema: JsonSchema) -> bool:
    """Whether this is the schema of a single value, not of a mapping, a list or a choice."""
    return schema.get("type") in ("string", "integer", "number", "boolean") or "enum" in schema
