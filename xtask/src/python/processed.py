"""Prints template.yaml as SAM hands it to CloudFormation, in JSON: the processed template."""

import json
import os
import sys

# The translator asks for a region to tell AWS's partitions apart, and for no service.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

with open(sys.argv[1], encoding="utf-8") as file:
    # Through JSON, so that what an anchor stands for is a value of its own at each place.
    template = json.loads(json.dumps(yaml_parse(file.read())))
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function":
        # The translator takes what `sam package` makes of a directory.
        resource["Properties"]["CodeUri"] = "s3://bucket/key"
json.dump(Translator({}, Parser()).translate(template, {}), sys.stdout)
