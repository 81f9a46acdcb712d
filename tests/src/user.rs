//! A user who is signed in.

use anyhow::{Context, Result};
use reqwest::{Method, RequestBuilder};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Answer, Authenticator, Stack, stack::send, until};

/// A user of the stack with its tokens.
#[derive(Clone, Debug)]
pub struct User {
    /// The stack.
    pub stack: Stack,
    /// The `sub`.
    pub id: String,
    /// The name.
    pub username: String,
    /// The address.
    pub email: String,
    /// The password.
    pub password: String,
    /// The tokens.
    pub tokens: Tokens,
}

/// The tokens that a login returns.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "the names of the API")]
pub struct Tokens {
    pub access_token: String,
    pub id_token: String,
    pub refresh_token: String,
    pub token_type: String,
    pub expires_in: u64,
}

/// A pending image and where to upload it.
#[derive(Clone, Debug, Deserialize)]
pub struct Created {
    /// The image.
    pub image: Value,
    /// Its upload.
    pub upload: Value,
}

impl Created {
    /// The image's id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.image["id"].as_str().unwrap_or_default()
    }
}

/// An image's id.
///
/// # Errors
/// If it has none.
pub fn id_of(image: &Value) -> Result<&str> {
    image["id"].as_str().with_context(|| format!("no id: {image}"))
}

impl User {
    pub(crate) async fn login(
        stack: &Stack,
        id: String,
        username: String,
        email: String,
        password: String,
    ) -> Result<Self> {
        let login = json!({"username": username, "password": password});
        let tokens = serde_json::from_value(stack.post("/api/auth/login", &login).await?.json(200)?)?;
        Ok(Self { stack: stack.clone(), id, username, email, password, tokens })
    }

    /// Starts a request with the user's token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.stack.request(method, path).bearer_auth(&self.tokens.access_token)
    }

    /// Gets a path.
    ///
    /// # Errors
    /// If there is no response.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        send(self.request(Method::GET, path)).await
    }

    /// Posts JSON.
    ///
    /// # Errors
    /// If there is no response.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        send(self.request(Method::POST, path).json(body)).await
    }

    /// Posts JSON under an idempotency key.
    ///
    /// # Errors
    /// If there is no response.
    pub async fn post_once(&self, path: &str, key: &str, body: &Value) -> Result<Answer> {
        send(self.request(Method::POST, path).header("idempotency-key", key).json(body)).await
    }

    /// Patches with JSON.
    ///
    /// # Errors
    /// If there is no response.
    pub async fn patch(&self, path: &str, body: &Value) -> Result<Answer> {
        send(self.request(Method::PATCH, path).json(body)).await
    }

    /// Puts JSON.
    ///
    /// # Errors
    /// If there is no response.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Answer> {
        send(self.request(Method::PUT, path).json(body)).await
    }

    /// Posts an empty body.
    ///
    /// # Errors
    /// If there is no response.
    pub async fn post_empty(&self, path: &str) -> Result<Answer> {
        send(self.request(Method::POST, path)).await
    }

    /// Deletes a path.
    ///
    /// # Errors
    /// If there is no response.
    pub async fn delete(&self, path: &str) -> Result<Answer> {
        send(self.request(Method::DELETE, path)).await
    }

    /// Deletes a path with a JSON body.
    ///
    /// # Errors
    /// If there is no response.
    pub async fn delete_with(&self, path: &str, body: &Value) -> Result<Answer> {
        send(self.request(Method::DELETE, path).json(body)).await
    }

    /// Logs in again, and returns the response.
    ///
    /// # Errors
    /// If there is no response.
    pub async fn log_in(&self) -> Result<Answer> {
        let login = json!({"username": self.username, "password": self.password});
        self.stack.post("/api/auth/login", &login).await
    }

    /// Whether a refresh token of the user still works.
    ///
    /// # Errors
    /// If there is no response.
    pub async fn refreshes(&self, tokens: &Tokens) -> Result<bool> {
        let refresh = json!({"refresh_token": tokens.refresh_token});
        Ok(self.stack.post("/api/auth/token/refresh", &refresh).await?.status == 200)
    }

    /// Sets up a second factor, and continues with the new session. It uses the code of the previous step, so that the
    /// next ones are left for a test.
    ///
    /// # Errors
    /// If a step fails.
    pub async fn set_up_totp(&mut self) -> Result<Authenticator> {
        let secret = self.post("/api/auth/totp", &json!({"password": self.password})).await?.json(200)?;
        let app = Authenticator::from_uri(secret["otpauth_uri"].as_str().context("no URI")?)?;
        Authenticator::settle().await?;
        let confirmation = json!({"code": app.code(-1)?, "password": self.password});
        let tokens = self.post("/api/auth/totp/confirm", &confirmation).await?.json(200)?;
        self.tokens = serde_json::from_value(tokens)?;
        Ok(app)
    }

    /// Creates a pending image for a declared type and length.
    ///
    /// # Errors
    /// If the API refuses it.
    pub async fn create(&self, content_type: &str, size: usize) -> Result<Created> {
        self.create_with(json!({"file_name": "picture", "content_type": content_type, "size": size})).await
    }

    /// Creates a pending image from these fields.
    ///
    /// # Errors
    /// If the API refuses it.
    pub async fn create_with(&self, fields: Value) -> Result<Created> {
        Ok(serde_json::from_value(self.post("/api/images", &fields).await?.json(201)?)?)
    }

    /// Creates an image, uploads its file, and returns its id.
    ///
    /// # Errors
    /// If the API refuses one of them.
    pub async fn upload(&self, content_type: &str, bytes: Vec<u8>) -> Result<String> {
        let created = self.create(content_type, bytes.len()).await?;
        self.stack.put(&created.upload, bytes).await?.expect(200)?;
        Ok(created.id().to_owned())
    }

    /// Starts a replacement of an image's picture.
    ///
    /// # Errors
    /// If the API refuses it.
    pub async fn replace(&self, id: &str, content_type: &str, size: usize) -> Result<Created> {
        let body = json!({"replace": {"content_type": content_type, "size": size}});
        Ok(serde_json::from_value(self.patch(&format!("/api/images/{id}"), &body).await?.json(200)?)?)
    }

    /// Creates an image set without a title, and returns its id.
    ///
    /// # Errors
    /// If the API refuses it.
    pub async fn create_set(&self) -> Result<String> {
        let set = self.post("/api/imagesets", &json!({})).await?.json(201)?;
        Ok(id_of(&set)?.to_owned())
    }

    /// Creates a pending image in a slot of a set.
    ///
    /// # Errors
    /// If there is no response.
    pub async fn fill(&self, set: &str, slot: &str, content_type: &str, size: usize) -> Result<Answer> {
        let body = json!({"image_type": slot, "file_name": slot, "content_type": content_type, "size": size});
        self.post(&format!("/api/imagesets/{set}/images"), &body).await
    }

    /// Waits until an image is ready or failed, and returns it.
    ///
    /// # Errors
    /// If that takes too long.
    pub async fn developed(&self, id: &str) -> Result<Value> {
        until(&format!("image {id} to be developed"), async || {
            let status = self.get(&format!("/api/images/{id}/status")).await?.json(200)?;
            Ok(matches!(status["status"].as_str(), Some("ready" | "failed")).then_some(()))
        })
        .await?;
        self.image(id).await
    }

    /// Uploads a picture, and waits until its image is ready or failed.
    ///
    /// # Errors
    /// If a step fails.
    pub async fn upload_and_develop(&self, content_type: &str, bytes: Vec<u8>) -> Result<Value> {
        let id = self.upload(content_type, bytes).await?;
        self.developed(&id).await
    }

    /// An existing image.
    ///
    /// # Errors
    /// If there is none.
    pub async fn image(&self, id: &str) -> Result<Value> {
        self.get(&format!("/api/images/{id}")).await?.json(200)
    }

    /// A thumbnail's bytes.
    ///
    /// # Errors
    /// If there is none of that size.
    pub async fn thumbnail(&self, image: &Value, size: u32) -> Result<Answer> {
        let thumbnails = image["thumbnails"].as_array().context("no thumbnails")?;
        let thumbnail = thumbnails.iter().find(|thumbnail| thumbnail["size"] == size);
        let url = thumbnail.and_then(|thumbnail| thumbnail["url"].as_str());
        let url = url.with_context(|| format!("no thumbnail of size {size} in {image}"))?;
        self.stack.fetch(url).await?.expect(200)
    }

    /// The profile's usage: images and bytes.
    ///
    /// # Errors
    /// If there is no profile.
    pub async fn usage(&self) -> Result<(u64, u64)> {
        let profile = self.get("/api/auth/profile").await?.json(200)?;
        let count =
            |name: &str| profile["usage"][name].as_u64().with_context(|| format!("no {name}: {profile}"));
        Ok((count("images")?, count("bytes")?))
    }

    /// Waits until the profile counts exactly this many images.
    ///
    /// # Errors
    /// If that takes too long.
    pub async fn usage_becomes(&self, images: u64, bytes: u64) -> Result<()> {
        until(&format!("{images} images to be counted"), async || {
            Ok((self.usage().await? == (images, bytes)).then_some(()))
        })
        .await
    }

    /// An image's item in the table, if it exists.
    ///
    /// # Errors
    /// If there is no response.
    pub async fn record(&self, id: &str) -> Result<Option<Value>> {
        self.item(&format!("IMAGE#{id}")).await
    }

    /// The user's item with this sort key, if it exists.
    ///
    /// # Errors
    /// If there is no response.
    pub async fn item(&self, sk: &str) -> Result<Option<Value>> {
        self.stack.aws.item(&self.stack.outputs.table, &format!("USER#{}", self.id), sk).await
    }

    /// Changes an image's item in the table.
    ///
    /// # Errors
    /// If there is none.
    pub async fn change_record(&self, id: &str, update: &str, values: Value) -> Result<()> {
        let (pk, sk) = self.record_key(id);
        self.stack.aws.update_item(&self.stack.outputs.table, (&pk, &sk), update, &values).await
    }

    /// Changes the user's profile in the table.
    ///
    /// # Errors
    /// If there is none.
    pub async fn change_profile(&self, update: &str, values: Value) -> Result<()> {
        let pk = format!("USER#{}", self.id);
        self.stack.aws.update_item(&self.stack.outputs.table, (&pk, "PROFILE"), update, &values).await
    }

    /// Adds the marker that `workers-stream` adds after it has cleaned up after an image.
    ///
    /// # Errors
    /// If there is no response.
    pub async fn mark_as_cleaned_up(&self, id: &str) -> Result<()> {
        let marker = json!({"pk": format!("USER#{}", self.id), "sk": format!("RECLAIMED#{id}")});
        self.stack.aws.put_item(&self.stack.outputs.table, &marker).await
    }

    /// Deletes an image's item as DynamoDB does when it expires.
    ///
    /// # Errors
    /// If there is no response.
    pub async fn remove_record(&self, id: &str) -> Result<()> {
        let (pk, sk) = self.record_key(id);
        self.stack.aws.delete_item(&self.stack.outputs.table, &pk, &sk).await
    }

    /// The keys of an image's objects: originals, then thumbnails.
    ///
    /// # Errors
    /// If there is no response.
    pub async fn objects(&self, id: &str) -> Result<(Vec<String>, Vec<String>)> {
        let prefix = format!("{}/{id}/", self.id);
        let outputs = &self.stack.outputs;
        tokio::try_join!(
            self.stack.aws.keys(&outputs.uploads_bucket, &prefix),
            self.stack.aws.keys(&outputs.derived_bucket, &prefix)
        )
    }

    /// Waits until all objects of an image are deleted.
    ///
    /// # Errors
    /// If some remain.
    pub async fn objects_vanish(&self, id: &str) -> Result<()> {
        until(&format!("the objects of {id} to go"), async || {
            let (originals, derivatives) = self.objects(id).await?;
            Ok((originals.is_empty() && derivatives.is_empty()).then_some(()))
        })
        .await
    }

    /// The key of an image's first upload.
    #[must_use]
    pub fn key(&self, id: &str) -> String {
        format!("{}/{id}/1", self.id)
    }

    fn record_key(&self, id: &str) -> (String, String) {
        (format!("USER#{}", self.id), format!("IMAGE#{id}"))
    }
}
