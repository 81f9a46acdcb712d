//! Creates the HTTP API's routes on the local stack, from the deployed template.
//!
//! SAM turns `HttpApi` events into an OpenAPI document in the `Body` of `AWS::ApiGatewayV2::Api`. API Gateway imports
//! this document, but ministack ignores it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::aws::Aws;

mod scope;

use scope::{Scope, items, items_of, text};

/// The HTTP API that the OpenAPI document describes.
#[derive(Debug, PartialEq)]
pub(crate) struct Wanted {
    /// The routes by their keys, such as `GET /api/images`.
    routes: BTreeMap<String, Route>,
    /// Authorizers by name: the parameters of `CreateAuthorizer`.
    authorizers: BTreeMap<String, Value>,
    cors: Option<Value>,
}

#[derive(Debug, PartialEq)]
struct Route {
    integration: String,
    authorizer: Option<String>,
}

/// Creates what the API of the stack lacks of its template. Safe to repeat.
pub(crate) fn apply(aws: &mut Aws, stack: &str) -> Result<usize> {
    let parameters = json!({"StackName": stack, "TemplateStage": "Processed"});
    let body = aws.call("cloudformation", "get_template", parameters)?["TemplateBody"].take();
    let template = match body.as_str() {
        Some(text) => serde_json::from_str(text).context("the processed template is not JSON")?,
        None => body,
    };
    let scope = Scope::of(aws, stack)?;
    let mut count = 0;
    for (id, resource) in template["Resources"].as_object().context("no Resources")? {
        if resource["Type"] == "AWS::ApiGatewayV2::Api" {
            let wanted = Wanted::read(&resource["Properties"]["Body"], &scope)?;
            let api = scope.refs.get(id).and_then(Value::as_str).context("the API was not deployed")?;
            wanted.apply(aws, api)?;
            count += wanted.routes.len();
        }
    }
    Ok(count)
}

impl Wanted {
    fn read(body: &Value, scope: &Scope) -> Result<Self> {
        let schemes = items_of(&body["components"]["securitySchemes"]);
        let authorizers = schemes
            .map(|(name, scheme)| {
                let authorizer = scope.resolve(&scheme["x-amazon-apigateway-authorizer"])?;
                Ok((name.clone(), boto_authorizer(&authorizer)))
            })
            .collect::<Result<_>>()?;
        let mut routes = BTreeMap::new();
        for (path, methods) in items_of(&body["paths"]) {
            for (method, operation) in items_of(methods) {
                let uri = scope.resolve(&operation["x-amazon-apigateway-integration"]["uri"])?;
                let security = operation["security"][0].as_object();
                let authorizer =
                    security.and_then(|names| names.keys().next()).filter(|name| *name != "NONE");
                let integration =
                    text(&uri).with_context(|| format!("{method} {path} has no integration"))?;
                let route = Route { integration, authorizer: authorizer.cloned() };
                routes.insert(route_key(method, path), route);
            }
        }
        let cors = match &body["x-amazon-apigateway-cors"] {
            Value::Null => None,
            cors => Some(boto_cors(&scope.resolve(cors)?)),
        };
        Ok(Self { routes, authorizers, cors })
    }

    fn apply(&self, aws: &mut Aws, api: &str) -> Result<()> {
        let cors = self.cors.clone().unwrap_or_else(|| json!({}));
        aws.call("apigatewayv2", "update_api", json!({"ApiId": api, "CorsConfiguration": cors}))?;
        let authorizers = self.apply_authorizers(aws, api)?;
        let integrations = self.apply_integrations(aws, api)?;
        let mut present = list(aws, api, "get_routes", "RouteKey")?;
        for (key, route) in &self.routes {
            let authorizer = route.authorizer.as_ref().map(|name| authorizers.get(name)).unwrap_or_default();
            let mut parameters = json!({
                "ApiId": api,
                "RouteKey": key,
                "Target": format!("integrations/{}", integrations[&route.integration]),
                "AuthorizationType": authorization_type(route.authorizer.as_ref().map(|name| &self.authorizers[name])),
            });
            if let Some(id) = authorizer {
                parameters["AuthorizerId"] = json!(id);
            }
            match present.remove(key) {
                Some(existing) => {
                    parameters["RouteId"] = existing["RouteId"].clone();
                    aws.call("apigatewayv2", "update_route", parameters)?;
                }
                None => drop(aws.call("apigatewayv2", "create_route", parameters)?),
            }
        }
        for stale in present.values() {
            aws.call("apigatewayv2", "delete_route", json!({"ApiId": api, "RouteId": stale["RouteId"]}))?;
        }
        Ok(())
    }

    /// Creates or updates the authorizers, and returns their ids by name.
    fn apply_authorizers(&self, aws: &mut Aws, api: &str) -> Result<BTreeMap<String, String>> {
        let present = list(aws, api, "get_authorizers", "Name")?;
        let mut ids = BTreeMap::new();
        for (name, authorizer) in &self.authorizers {
            let mut parameters = authorizer.clone();
            (parameters["ApiId"], parameters["Name"]) = (json!(api), json!(name));
            let authorizer = match present.get(name) {
                Some(existing) => {
                    parameters["AuthorizerId"] = existing["AuthorizerId"].clone();
                    aws.call("apigatewayv2", "update_authorizer", parameters)?
                }
                None => aws.call("apigatewayv2", "create_authorizer", parameters)?,
            };
            ids.insert(name.clone(), text(&authorizer["AuthorizerId"])?);
        }
        Ok(ids)
    }

    /// Creates the missing integrations, and returns the ids of all by their functions.
    fn apply_integrations(&self, aws: &mut Aws, api: &str) -> Result<BTreeMap<String, String>> {
        let present = list(aws, api, "get_integrations", "IntegrationUri")?;
        let mut ids = BTreeMap::new();
        for uri in self.routes.values().map(|route| &route.integration) {
            let integration = match present.get(uri) {
                Some(existing) => existing.clone(),
                None if ids.contains_key(uri) => continue,
                None => {
                    let parameters = json!({
                        "ApiId": api,
                        "IntegrationType": "AWS_PROXY",
                        "IntegrationUri": uri,
                        "PayloadFormatVersion": "2.0",
                    });
                    aws.call("apigatewayv2", "create_integration", parameters)?
                }
            };
            ids.insert(uri.clone(), text(&integration["IntegrationId"])?);
        }
        Ok(ids)
    }
}

/// The existing items of a kind, by one of their attributes.
fn list(aws: &mut Aws, api: &str, operation: &str, key: &str) -> Result<BTreeMap<String, Value>> {
    let answer = aws.call("apigatewayv2", operation, json!({"ApiId": api}))?;
    items(&answer["Items"]).map(|item| Ok((text(&item[key])?, item.clone()))).collect()
}

fn route_key(method: &str, path: &str) -> String {
    match (method, path) {
        ("x-amazon-apigateway-any-method", "$default") => "$default".to_owned(),
        ("x-amazon-apigateway-any-method", path) => format!("ANY {path}"),
        (method, path) => format!("{} {path}", method.to_uppercase()),
    }
}

/// The parameters of `CreateAuthorizer` for an authorizer of the OpenAPI extension: one for JWTs, or a function.
fn boto_authorizer(authorizer: &Value) -> Value {
    let source = json!(["$request.header.Authorization"]);
    match &authorizer["jwtConfiguration"] {
        Value::Null => json!({
            "AuthorizerType": "REQUEST",
            "IdentitySource": source,
            "AuthorizerUri": authorizer["authorizerUri"],
            "AuthorizerPayloadFormatVersion": authorizer["authorizerPayloadFormatVersion"],
            "AuthorizerResultTtlInSeconds": authorizer["authorizerResultTtlInSeconds"],
            "EnableSimpleResponses": authorizer["enableSimpleResponses"],
        }),
        jwt => json!({
            "AuthorizerType": "JWT",
            "IdentitySource": source,
            "JwtConfiguration": {"Issuer": jwt["issuer"], "Audience": jwt["audience"]},
        }),
    }
}

/// The type of authorization of a route with this authorizer.
fn authorization_type(authorizer: Option<&Value>) -> &'static str {
    match authorizer.and_then(|authorizer| authorizer["AuthorizerType"].as_str()) {
        None => "NONE",
        Some("REQUEST") => "CUSTOM",
        Some(_) => "JWT",
    }
}

/// Converts the names of the OpenAPI extension, such as `allowOrigins`, to those of boto3, such as `AllowOrigins`.
fn boto_cors(cors: &Value) -> Value {
    let renamed = items_of(cors).map(|(key, value)| {
        let mut characters = key.chars();
        let first = characters.next().map(|first| first.to_ascii_uppercase());
        let value = match (key.as_str(), value) {
            ("allowOrigins", Value::String(origins)) => origins.split(',').map(str::trim).collect(),
            _ => value.clone(),
        };
        (first.into_iter().chain(characters).collect::<String>(), value)
    });
    Value::Object(renamed.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        let refs = [
            ("AWS::Partition", "aws"),
            ("AWS::Region", "eu-central-1"),
            ("AWS::AccountId", "000000000000"),
            ("AllowedOrigins", "http://localhost:3000,http://localhost:5173"),
            ("ImagesGet", "darkroom-ImagesGet-1"),
            ("UserPool", "eu-central-1_abc"),
            ("Client", "client-1"),
        ];
        let types = [("ImagesGet", "AWS::Lambda::Function"), ("UserPool", "AWS::Cognito::UserPool")];
        Scope {
            refs: refs.map(|(name, value)| (name.to_owned(), json!(value))).into(),
            types: types.map(|(name, kind)| (name.to_owned(), kind.to_owned())).into(),
        }
    }

    fn operation(security: &Value) -> Value {
        let uri = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${ImagesGet.Arn}/invocations";
        json!({
            "x-amazon-apigateway-integration": {"type": "aws_proxy", "uri": {"Fn::Sub": uri}},
            "security": security,
        })
    }

    fn body() -> Value {
        let issuer = json!({"Fn::Join": ["", ["https://cognito-idp.", {"Ref": "AWS::Region"}, "/", {"Ref": "UserPool"}]]});
        json!({
            "paths": {
                "/api/images/{id}": {"get": operation(&json!([{"Jwt": []}]))},
                "/api/auth/login": {"post": operation(&json!([{"NONE": []}]))},
            },
            "components": {"securitySchemes": {
                "Jwt": {"x-amazon-apigateway-authorizer": {
                    "jwtConfiguration": {"issuer": issuer, "audience": [{"Ref": "Client"}]},
                }},
                "Function": {"x-amazon-apigateway-authorizer": {
                    "type": "request", "authorizerPayloadFormatVersion": "2.0", "enableSimpleResponses": true,
                    "authorizerResultTtlInSeconds": 60, "identitySource": "$request.header.Authorization",
                    "authorizerUri": {"Fn::Sub": [
                        "functions/${__FunctionArn__}/invocations",
                        {"__FunctionArn__": {"Fn::GetAtt": ["ImagesGet", "Arn"]}},
                    ]},
                }},
            }},
            "x-amazon-apigateway-cors": {"allowOrigins": {"Ref": "AllowedOrigins"}, "maxAge": 600},
        })
    }

    #[test]
    fn routes_authorizers_and_cors_come_from_the_document() -> Result<()> {
        let wanted = Wanted::read(&body(), &scope())?;
        let private = &wanted.routes["GET /api/images/{id}"];
        assert!(private.integration.ends_with(
            "functions/arn:aws:lambda:eu-central-1:000000000000:function:darkroom-ImagesGet-1/invocations"
        ));
        assert_eq!(private.authorizer.as_deref(), Some("Jwt"));
        assert_eq!(wanted.routes["POST /api/auth/login"].authorizer, None);
        let issuer = "https://cognito-idp.eu-central-1/eu-central-1_abc";
        let jwt = &wanted.authorizers["Jwt"];
        assert_eq!(jwt["JwtConfiguration"], json!({"Issuer": issuer, "Audience": ["client-1"]}));
        let function = &wanted.authorizers["Function"];
        assert_eq!(
            (&function["AuthorizerType"], &function["AuthorizerResultTtlInSeconds"]),
            (&json!("REQUEST"), &json!(60))
        );
        assert!(
            function["AuthorizerUri"]
                .as_str()
                .is_some_and(|uri| uri.contains("function:darkroom-ImagesGet-1"))
        );
        assert_eq!([None, Some(jwt), Some(function)].map(authorization_type), ["NONE", "JWT", "CUSTOM"]);
        let origins = json!(["http://localhost:3000", "http://localhost:5173"]);
        assert_eq!(wanted.cors, Some(json!({"AllowOrigins": origins, "MaxAge": 600})));
        Ok(())
    }

    #[test]
    fn a_substitution_may_bring_its_own_variables() -> Result<()> {
        let value = json!({"Fn::Sub": ["${Name}/${UserPool}", {"Name": {"Fn::GetAtt": ["UserPool", "ProviderName"]}}]});
        let expected = "cognito-idp.eu-central-1.amazonaws.com/eu-central-1_abc/eu-central-1_abc";
        assert_eq!(scope().resolve(&value)?, json!(expected));
        Ok(())
    }

    #[test]
    fn an_unknown_function_is_an_error_and_no_guess() {
        assert!(scope().resolve(&json!({"Fn::If": ["IsProd", 1, 2]})).is_err());
        assert!(scope().resolve(&json!({"Ref": "Nobody"})).is_err());
    }

    #[test]
    fn the_default_route_has_no_method() {
        assert_eq!(route_key("x-amazon-apigateway-any-method", "$default"), "$default");
        assert_eq!(route_key("x-amazon-apigateway-any-method", "/{proxy+}"), "ANY /{proxy+}");
    }
}
