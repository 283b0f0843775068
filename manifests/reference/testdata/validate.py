# Reads names of TOML files, a line each, and says of each whether the schema in argv[1] takes it.
import json, sys, tomllib
import jsonschema

with open(sys.argv[1]) as f:
    schema = json.load(f)
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
for line in sys.stdin:
    name = line.rstrip("\n")
    with open(name, "rb") as f:
        value = tomllib.load(f)
    errors = sorted(validator.iter_errors(value), key=str)
    print(name, "good" if not errors else "bad: " + errors[0].message.replace("\n", " "), sep="\t")
