"""Prints template.yaml as SAM passes it to CloudFormation, in JSON: the processed template."""

import json
import os
import sys

# The translator needs a region to determine AWS's partition. It calls no service.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

with open(sys.argv[1], encoding="utf-8") as file:
    # Through JSON, so that each use of an anchor is a separate value.
    template = json.loads(json.dumps(yaml_parse(file.read())))
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function":
        # The translator needs an address as `sam package` writes it, instead of a directory.
        resource["Properties"]["CodeUri"] = "s3://bucket/key"
# With gradual deployment, a stack has the most resources.
parameters = {"GradualDeployment": "AllAtOnce"}
json.dump(Translator({}, Parser()).translate(template, parameters), sys.stdout)
