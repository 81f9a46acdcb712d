//! One user's client: it does what its random numbers say, and notes what it was told.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{User, id_of};
use tokio::time::sleep;

use crate::{
    files::Picture,
    model::{ImageModel, Model, SetModel, Told, Version},
    requests::{Reply, Shared},
};

const SLOTS: [&str; 3] = ["image1", "image2", "image3"];
const PHONE: &str = "+4915123456789";

/// A client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) user: User,
    pub(crate) model: Model,
    pub(crate) rng: fastrand::Rng,
    pub(crate) shared: Arc<Shared>,
    count: usize,
}

impl Client {
    pub(crate) fn new(user: User, seed: u64, shared: Arc<Shared>) -> Self {
        Self { user, model: Model::default(), rng: fastrand::Rng::with_seed(seed), shared, count: 0 }
    }

    /// Works until all files of the run are sent.
    pub(crate) async fn run(mut self) -> Result<Self> {
        while self.shared.left.load(Ordering::Relaxed) > 0 {
            match self.rng.u8(0..100) {
                0..40 => self.upload(false).await?,
                40..44 => self.create_only().await?,
                44..50 => self.upload(true).await?,
                50..66 => self.replace().await?,
                66..80 => self.delete().await?,
                80..87 => self.fill_set().await?,
                87..90 => self.delete_set().await?,
                90..94 => self.analyze().await?,
                94..97 => self.edit().await?,
                97..99 => self.send_too_late().await?,
                _ => self.look().await?,
            }
            let pause = self.rng.u64(0..300);
            sleep(Duration::from_millis(pause)).await;
        }
        Ok(self)
    }

    /// Creates an image and sends its file.
    async fn upload(&mut self, for_phone: bool) -> Result<()> {
        let picture = self.shared.files.pick(&mut self.rng);
        let mut image = ImageModel::new(self.name());
        let mut body = declared(&image.name, picture);
        let mut path = "/api/images".to_owned();
        let mut wants_edit = false;
        if for_phone {
            (image.has_copy, path) = (true, format!("/api/phones/{PHONE}/images"));
            body = json!({"files": [body]});
        } else {
            match self.rng.u8(0..20) {
                0 => body["analyze"] = json!(true),
                1 => {
                    body["edit_prompt"] = json!(self.shared.plan.prompt());
                    wants_edit = true;
                }
                _ => {}
            }
        }
        let name = image.name.clone();
        let created = self.create(&path, &body, image, picture).await?;
        if let Some((mut answer, index)) = created {
            let answer = if for_phone { answer["results"][0].take() } else { answer };
            self.created(index, &answer)?;
            if wants_edit {
                let id = answer["image"]["edit_image_id"].as_str().context("no edit")?;
                self.add_edit(name, id, &answer["image"])?;
            }
            self.send(index, &answer["upload"], picture).await?;
        } else if wants_edit {
            self.model.unknown_edits += 1;
        }
        Ok(())
    }

    /// Creates an image, and sends no file.
    async fn create_only(&mut self) -> Result<()> {
        let picture = self.shared.files.pick(&mut self.rng);
        let image = ImageModel::new(self.name());
        let body = declared(&image.name, picture);
        if let Some((answer, index)) = self.create("/api/images", &body, image, picture).await? {
            self.created(index, &answer)?;
        }
        Ok(())
    }

    /// Sends a request that creates an image, and adds the image to the model unless the request was refused. Returns the
    /// answer and the index of the image, if there is an answer.
    async fn create(
        &mut self,
        path: &str,
        body: &Value,
        mut image: ImageModel,
        picture: &'static Picture,
    ) -> Result<Option<(Value, usize)>> {
        // Without a key, a client must not send the request again.
        let key = (self.rng.u8(0..10) < 8).then(|| format!("key-{}", image.name));
        image.versions.insert(1, Version { picture, sent: Told::No });
        match self.ask(Method::POST, path, Some(body), key.as_deref()).await {
            Reply::Done(answer) => {
                self.model.images.push(image);
                Ok(Some((answer, self.model.images.len() - 1)))
            }
            Reply::Refused(..) => Ok(None),
            Reply::Unknown => {
                self.model.images.push(image);
                Ok(None)
            }
        }
    }

    fn created(&mut self, index: usize, answer: &Value) -> Result<()> {
        self.model.images[index].id = Some(id_of(&answer["image"])?.to_owned());
        Ok(())
    }

    fn add_edit(&mut self, name: String, id: &str, source: &Value) -> Result<()> {
        let mut edit = ImageModel::new(name);
        (edit.id, edit.source) = (Some(id.to_owned()), Some(id_of(source)?.to_owned()));
        self.model.images.push(edit);
        Ok(())
    }

    async fn send(&mut self, index: usize, upload: &Value, picture: &'static Picture) -> Result<()> {
        // The address ends in the version's number.
        let url = upload["url"].as_str().context("no url")?;
        let path = url.split('?').next().unwrap_or_default();
        let version: u64 = path.rsplit('/').next().context("no version")?.parse()?;
        self.model.images[index].upload = Some((upload.clone(), picture));
        self.shared.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).ok();
        // Some clients give up at the first error.
        let attempts = if self.rng.u8(0..10) == 0 { 1 } else { 15 };
        let sent = self.put(upload, picture, attempts).await;
        let version = self.model.images[index].versions.get_mut(&version);
        version.with_context(|| format!("an unknown version: {url}"))?.sent = sent;
        Ok(())
    }

    async fn replace(&mut self) -> Result<()> {
        let Some((index, id)) = self.some_image(|_| true) else { return Ok(()) };
        if self.rng.bool() {
            self.look_at(index).await;
        }
        let picture = self.shared.files.pick(&mut self.rng);
        let (content_type, size) = (picture.content_type, picture.bytes.len());
        let body = json!({"replace": {"content_type": content_type, "size": size}});
        match self.ask(Method::PATCH, &format!("/api/images/{id}"), Some(&body), None).await {
            Reply::Done(answer) => {
                let url = answer["upload"]["url"].as_str().context("no url")?;
                let path = url.split('?').next().unwrap_or_default();
                let number = path.rsplit('/').next().context("no version")?.parse()?;
                let version = Version { picture, sent: Told::No };
                self.model.images[index].versions.insert(number, version);
                // Some replacements never arrive.
                if self.rng.u8(0..12) > 0 {
                    self.send(index, &answer["upload"], picture).await?;
                }
            }
            Reply::Unknown => self.model.images[index].unknown_versions += 1,
            Reply::Refused(404) => self.not_found(index, "a replacement"),
            Reply::Refused(..) => {}
        }
        Ok(())
    }

    async fn delete(&mut self) -> Result<()> {
        let Some((index, id)) = self.some_image(|_| true) else { return Ok(()) };
        self.model.images[index].deleted = self.remove(&format!("/api/images/{id}")).await;
        Ok(())
    }

    /// Creates a set, and fills some of its slots.
    async fn fill_set(&mut self) -> Result<()> {
        let key = format!("key-{}", self.name());
        let index = self.model.sets.len();
        let id = match self.ask(Method::POST, "/api/imagesets", Some(&json!({})), Some(&key)).await {
            Reply::Done(set) => id_of(&set)?.to_owned(),
            Reply::Refused(..) => return Ok(()),
            Reply::Unknown => {
                self.model.sets.push(SetModel { id: None, deleted: Told::No });
                return Ok(());
            }
        };
        self.model.sets.push(SetModel { id: Some(id.clone()), deleted: Told::No });
        for slot in &SLOTS[..self.rng.usize(0..=SLOTS.len())] {
            let picture = self.shared.files.pick(&mut self.rng);
            let mut image = ImageModel::new(self.name());
            image.place = Some((index, slot));
            let mut body = declared(&image.name, picture);
            body["image_type"] = json!(slot);
            let path = format!("/api/imagesets/{id}/images");
            if let Some((answer, image)) = self.create(&path, &body, image, picture).await? {
                self.created(image, &answer)?;
                self.send(image, &answer["upload"], picture).await?;
            }
        }
        Ok(())
    }

    async fn delete_set(&mut self) -> Result<()> {
        let living = self.model.sets.iter().enumerate();
        let living = living.filter(|(_, set)| set.deleted == Told::No && set.id.is_some());
        let living: Vec<usize> = living.map(|(index, _)| index).collect();
        let Some(&index) = self.rng.choice(&living) else { return Ok(()) };
        let id = self.model.sets[index].id.clone().unwrap_or_default();
        self.model.sets[index].deleted = self.remove(&format!("/api/imagesets/{id}")).await;
        Ok(())
    }

    async fn analyze(&mut self) -> Result<()> {
        let Some((index, id)) = self.some_image(|_| true) else { return Ok(()) };
        let body = json!({"prompt": self.shared.plan.prompt()});
        let key = format!("key-{}", self.name());
        let path = format!("/api/images/{id}/analysis");
        if let Reply::Refused(404) = self.ask(Method::POST, &path, Some(&body), Some(&key)).await {
            self.not_found(index, "an analysis");
        }
        Ok(())
    }

    async fn edit(&mut self) -> Result<()> {
        let Some((index, id)) = self.some_image(|image| image.source.is_none()) else { return Ok(()) };
        let body = json!({"prompt": self.shared.plan.prompt()});
        let key = format!("key-{}", self.name());
        match self.ask(Method::POST, &format!("/api/images/{id}/edits"), Some(&body), Some(&key)).await {
            Reply::Done(answer) => {
                let name = self.model.images[index].name.clone();
                self.add_edit(name, id_of(&answer["image"])?, &json!({"id": id}))?;
            }
            Reply::Unknown => self.model.unknown_edits += 1,
            Reply::Refused(404) => self.not_found(index, "an edit"),
            Reply::Refused(..) => {}
        }
        Ok(())
    }

    /// Sends a file once more to an address that was used before, perhaps of an image that was deleted.
    async fn send_too_late(&mut self) -> Result<()> {
        let used = self.model.images.iter().enumerate();
        let used = used.filter(|(_, image)| image.upload.is_some() && image.deleted == Told::Yes);
        let used: Vec<usize> = used.map(|(index, _)| index).collect();
        let Some(&index) = self.rng.choice(&used) else { return Ok(()) };
        let Some((upload, picture)) = self.model.images[index].upload.clone() else { return Ok(()) };
        self.put(&upload, picture, 1).await;
        Ok(())
    }

    async fn look(&mut self) -> Result<()> {
        if let Some((index, _)) = self.some_image(|_| true) {
            self.look_at(index).await;
        }
        Ok(())
    }

    /// Reads an image, and notes the version that is ready.
    async fn look_at(&mut self, index: usize) {
        let id = self.model.images[index].id.clone().unwrap_or_default();
        match self.ask(Method::GET, &format!("/api/images/{id}"), None, None).await {
            Reply::Done(image) if image["status"] == "ready" => {
                let seen = image["version"].as_u64().unwrap_or_default();
                let image = &mut self.model.images[index];
                image.seen_ready = image.seen_ready.max(seen);
            }
            Reply::Refused(404) => self.not_found(index, "a read"),
            _ => {}
        }
    }

    fn not_found(&mut self, index: usize, what: &str) {
        let image = &self.model.images[index];
        if self.model.gone(image) == Told::No {
            let line = format!("the image {} ({}) was not found by {what}", text(&image.id), image.name);
            self.model.wrong_answers.push(line);
        }
    }

    /// An image that exists, as far as the client knows.
    fn some_image(&mut self, fits: impl Fn(&ImageModel) -> bool) -> Option<(usize, String)> {
        let living = self.model.images.iter().enumerate();
        let living = living.filter(|(_, image)| image.id.is_some() && fits(image));
        let living = living.filter(|(_, image)| self.model.gone(image) == Told::No);
        let living: Vec<usize> = living.map(|(index, _)| index).collect();
        let index = *self.rng.choice(&living)?;
        Some((index, self.model.images[index].id.clone()?))
    }

    /// A file name that nothing else in the run has.
    fn name(&mut self) -> String {
        self.count += 1;
        self.shared.plan.file_name(&format!(
            "-{}-{}.png",
            &self.user.id[..8.min(self.user.id.len())],
            self.count
        ))
    }
}

fn declared(name: &str, picture: &Picture) -> Value {
    json!({"file_name": name, "content_type": picture.content_type, "size": picture.bytes.len()})
}

fn text(id: &Option<String>) -> &str {
    id.as_deref().unwrap_or("without an id")
}
