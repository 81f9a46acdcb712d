//! Signs addresses of the edge, as the functions do and as an attacker would.

use anyhow::{Context, Result, anyhow};
use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use serde_json::json;
use tests::Stack;

/// A key, and the id of the public key that an address names.
pub(crate) struct Signer {
    key: RsaKeyPair,
    pub(crate) key_id: String,
}

impl Signer {
    /// The key with which functions sign now.
    pub(crate) async fn of(stack: &Stack) -> Result<Self> {
        let function = stack.aws.function(&stack.resource("ImagesGet").await?).await?;
        let variable = |name: &str| {
            let value = function["Environment"]["Variables"][name].as_str();
            value.map(str::to_owned).with_context(|| format!("no variable {name}"))
        };
        let get = json!({"SecretId": variable("EDGE_KEY_SECRET")?});
        let secret = stack.aws.json("secretsmanager", "secretsmanager.GetSecretValue", &get).await?;
        let pem = secret["SecretString"].as_str().context("no secret")?;
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| anyhow!("not PKCS#8"))?;
        let key = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|error| anyhow!("{error}"))?;
        Ok(Self { key, key_id: variable("EDGE_KEY_ID")? })
    }

    /// A key that the edge does not trust, under the id of one that it trusts.
    pub(crate) fn stranger(key_id: &str) -> Result<Self> {
        const KEY: &[u8] = include_bytes!("../../../shared/api/src/testdata/signing-key.der");
        let key = RsaKeyPair::from_der(KEY).map_err(|error| anyhow!("{error}"))?;
        Ok(Self { key, key_id: key_id.to_owned() })
    }

    /// An address with a policy for a resource that ends `seconds` from now.
    pub(crate) fn sign(&self, url: &str, resource: &str, seconds: i64) -> Result<String> {
        let end = Timestamp::now().as_second() + seconds;
        let condition = json!({"DateLessThan": {"AWS:EpochTime": end}});
        let policy = json!({"Statement": [{"Resource": resource, "Condition": condition}]}).to_string();
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), policy.as_bytes(), &mut signature)
            .map_err(|error| anyhow!("{error}"))?;
        let join = if url.contains('?') { '&' } else { '?' };
        let (policy, signature, id) = (encoded(policy.as_bytes()), encoded(&signature), &self.key_id);
        Ok(format!("{url}{join}Policy={policy}&Signature={signature}&Key-Pair-Id={id}&Hash-Algorithm=SHA256"))
    }
}

/// The base64 of CloudFront's addresses.
fn encoded(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes).replace('+', "-").replace('=', "_").replace('/', "~")
}
