//! One user's client: it does what its random numbers say, and notes what it was told.

use std::{sync::atomic::Ordering, time::Duration};

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use tests::id_of;
use tokio::time::sleep;

use crate::{
    files::Picture,
    model::{ImageModel, LinkModel, Model, SetModel, Told, Version},
    requests::{Client, Reply},
};

const SLOTS: [&str; 3] = ["image1", "image2", "image3"];
const PHONE: &str = "+4915123456789";

/// An operation of a batch.
#[derive(Clone, Copy, Debug)]
enum Operation {
    Delete,
    Discard,
    Restore,
}

impl Operation {
    fn body(self, id: &str) -> Value {
        match self {
            Self::Delete => json!({"id": id, "action": "delete", "permanent": true}),
            Self::Discard => json!({"id": id, "action": "delete"}),
            Self::Restore => json!({"id": id, "action": "restore"}),
        }
    }
}

impl Client {
    /// Works until all files of the run are sent.
    pub(crate) async fn run(mut self) -> Result<Self> {
        while self.shared.left.load(Ordering::Relaxed) > 0 {
            match self.rng.u8(0..100) {
                0..38 => self.upload(false).await?,
                38..40 => self.share().await?,
                40..42 => self.create_only().await?,
                42..48 => self.upload(true).await?,
                48..60 => self.replace().await?,
                60..63 => self.render().await?,
                63..69 => self.delete().await?,
                69..76 => self.discard().await?,
                76..79 => self.restore().await?,
                79 => self.empty_trash().await,
                80..82 => self.batch().await?,
                82..87 => self.fill_set().await?,
                87..89 => self.move_in_set().await,
                89..91 => self.delete_set().await?,
                91..94 => self.analyze().await?,
                94..96 => self.edit().await?,
                96..98 => self.send_too_late().await?,
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
        let is_ai_call = body.get("analyze").is_some() || body.get("edit_prompt").is_some();
        image.versions.insert(1, Version { picture, sent: Told::No });
        match self.ask(Method::POST, path, Some(body), key.as_deref()).await {
            Reply::Done(answer) => {
                self.model.ai_calls += u64::from(is_ai_call);
                self.model.images.push(image);
                Ok(Some((answer, self.model.images.len() - 1)))
            }
            Reply::Refused(..) => Ok(None),
            Reply::Unknown => {
                self.model.unknown_ai_calls += u64::from(is_ai_call);
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

    /// Deletes an image for good, sometimes one in the trash.
    async fn delete(&mut self) -> Result<()> {
        let image = if self.rng.u8(0..4) == 0 { self.some_trashed() } else { self.some_image(|_| true) };
        let Some((index, id)) = image else { return Ok(()) };
        self.model.images[index].deleted = self.remove(&format!("/api/images/{id}?permanent=true")).await;
        Ok(())
    }

    /// Moves an image to the trash. If it has no picture, Darkroom deletes it.
    async fn discard(&mut self) -> Result<()> {
        let Some((index, id)) = self.some_image(|_| true) else { return Ok(()) };
        if self.rng.bool() {
            self.look_at(index).await;
        }
        self.model.images[index].discarded = self.remove(&format!("/api/images/{id}")).await;
        Ok(())
    }

    /// Takes an image out of the trash.
    async fn restore(&mut self) -> Result<()> {
        let Some((index, id)) = self.some_trashed() else { return Ok(()) };
        let path = format!("/api/images/{id}/restore");
        let mut was_unknown = false;
        for _ in 0..20 {
            match self.ask(Method::POST, &path, None, None).await {
                Reply::Done(image) => {
                    self.model.images[index].discarded = Told::No;
                    self.seen(index, &image);
                    return Ok(());
                }
                // An earlier attempt may have restored it.
                Reply::Refused(404) if was_unknown => break,
                Reply::Refused(404) => {
                    self.not_in_trash(index);
                    return Ok(());
                }
                Reply::Refused(..) => {}
                Reply::Unknown => was_unknown = true,
            }
            sleep(Duration::from_millis(400)).await;
        }
        if was_unknown {
            self.model.images[index].discarded = Told::Maybe;
        }
        Ok(())
    }

    /// An image that was discarded is not in the trash. So it had no picture, and was deleted instead.
    fn not_in_trash(&mut self, index: usize) {
        let image = &self.model.images[index];
        if self.model.gone(image) == Told::No {
            let line = format!("the image {} ({}) is not in the trash", text(&image.id), image.name);
            self.model.wrong_answers.push(line);
        }
        self.model.images[index].deleted = Told::Yes;
    }

    /// Deletes everything in the trash for good.
    async fn empty_trash(&mut self) {
        let mut emptied = Told::Maybe;
        for _ in 0..20 {
            // One request deletes a bounded number of images.
            if let Reply::Done(answer) = self.ask(Method::DELETE, "/api/trash", None, None).await
                && answer["is_empty"] == true
            {
                emptied = Told::Yes;
                break;
            }
            sleep(Duration::from_millis(400)).await;
        }
        for image in &mut self.model.images {
            image.deleted = image.deleted.max(image.discarded.min(emptied));
        }
    }

    /// Deletes and restores some images with one request.
    async fn batch(&mut self) -> Result<()> {
        let mut operations: Vec<(usize, Operation, Value)> = Vec::new();
        for _ in 0..self.rng.usize(1..=6) {
            let operation = [Operation::Delete, Operation::Discard, Operation::Restore][self.rng.usize(0..3)];
            let image = match operation {
                Operation::Restore => self.some_trashed(),
                Operation::Delete | Operation::Discard => self.some_image(|_| true),
            };
            let Some((index, id)) = image else { continue };
            if operations.iter().all(|(known, ..)| *known != index) {
                operations.push((index, operation, operation.body(&id)));
            }
        }
        if operations.is_empty() {
            return Ok(());
        }
        let bodies: Vec<&Value> = operations.iter().map(|(.., body)| body).collect();
        let (body, key) = (json!({"operations": bodies}), format!("key-{}", self.name()));
        let outcomes = match self.ask(Method::POST, "/api/images/batch", Some(&body), Some(&key)).await {
            Reply::Done(mut answer) => answer["outcomes"].take(),
            Reply::Refused(..) => return Ok(()),
            Reply::Unknown => json!(vec![json!({"problem": {"status": 500}}); operations.len()]),
        };
        let outcomes = outcomes.as_array().context("no outcomes")?;
        ensure!(outcomes.len() == operations.len(), "{outcomes:?} for {body}");
        for ((index, operation, _), outcome) in operations.into_iter().zip(outcomes) {
            let status = outcome["problem"]["status"].as_u64();
            // A 404 also says that the image is gone or hidden.
            let told = if matches!(status, None | Some(404)) { Told::Yes } else { Told::Maybe };
            let image = &mut self.model.images[index];
            match operation {
                Operation::Delete => image.deleted = told,
                Operation::Discard => image.discarded = told,
                Operation::Restore if status.is_none() => image.discarded = Told::No,
                Operation::Restore if told == Told::Yes => self.not_in_trash(index),
                Operation::Restore => image.discarded = Told::Maybe,
            }
        }
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
                self.model.sets.push(SetModel::new(None));
                return Ok(());
            }
        };
        self.model.sets.push(SetModel::new(Some(id.clone())));
        for slot in &SLOTS[..self.rng.usize(0..=SLOTS.len())] {
            let picture = self.shared.files.pick(&mut self.rng);
            let mut image = ImageModel::new(self.name());
            image.set = Some(index);
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

    /// Moves an image to a slot of its set. An image in this slot gets the slot of the moved one. No image of the
    /// set may be in the trash, because it would lose its slot.
    async fn move_in_set(&mut self) {
        let fits = |model: &Model, image: &ImageModel| {
            image.set.is_some_and(|set| model.is_whole(set)) && model.hidden(image) == Told::No
        };
        let Some((index, id)) = self.choose(fits) else { return };
        let Some(set) = self.model.images[index].set else { return };
        let slot = SLOTS[self.rng.usize(0..SLOTS.len())];
        let set_id = self.model.sets[set].id.clone().unwrap_or_default();
        let path = format!("/api/imagesets/{set_id}/images/{slot}");
        match self.ask(Method::PUT, &path, Some(&json!({"image_id": id})), None).await {
            Reply::Unknown => self.model.sets[set].has_unknown_move = true,
            Reply::Refused(400 | 404) => self.not_found(index, "a move"),
            // The image may have lost its slot. Then it comes from outside of the set, and there is no exchange.
            Reply::Refused(409) if !self.model.keeps_slots(set) => {}
            // The user is too fast.
            Reply::Done(_) | Reply::Refused(429) => {}
            Reply::Refused(status) => {
                let line = format!("a move of {id} to {slot} of its set {set_id} is refused with {status}");
                self.model.wrong_answers.push(line);
            }
        }
    }

    /// Deletes a set with its images, or moves the images to the trash.
    async fn delete_set(&mut self) -> Result<()> {
        let living = self.model.sets.iter().enumerate();
        let living = living.filter(|(_, set)| set.deleted == Told::No && set.id.is_some());
        let living: Vec<usize> = living.map(|(index, _)| index).collect();
        let Some(&index) = self.rng.choice(&living) else { return Ok(()) };
        let id = self.model.sets[index].id.clone().unwrap_or_default();
        let is_permanent = self.rng.bool();
        let query = if is_permanent { "?permanent=true" } else { "" };
        let told = self.remove(&format!("/api/imagesets/{id}{query}")).await;
        self.model.sets[index].deleted = told;
        // An image that may have lost its slot may have stayed.
        let told = if self.model.sets[index].has_unknown_move { told.min(Told::Maybe) } else { told };
        for image in self.model.images.iter_mut().filter(|image| image.set == Some(index)) {
            if !is_permanent {
                image.discarded = told.max(image.discarded);
                continue;
            }
            // An image in the trash stays there.
            let deleted = match image.discarded {
                Told::No => told,
                Told::Maybe => told.min(Told::Maybe),
                Told::Yes => Told::No,
            };
            image.deleted = deleted.max(image.deleted);
        }
        Ok(())
    }

    async fn analyze(&mut self) -> Result<()> {
        let Some((index, id)) = self.some_image(|_| true) else { return Ok(()) };
        let body = json!({"prompt": self.shared.plan.prompt()});
        let key = format!("key-{}", self.name());
        let path = format!("/api/images/{id}/analysis");
        match self.ask(Method::POST, &path, Some(&body), Some(&key)).await {
            Reply::Done(_) => self.model.ai_calls += 1,
            Reply::Unknown => self.model.unknown_ai_calls += 1,
            Reply::Refused(404) => self.not_found(index, "an analysis"),
            Reply::Refused(..) => {}
        }
        Ok(())
    }

    async fn edit(&mut self) -> Result<()> {
        let Some((index, id)) = self.some_image(|image| image.source.is_none()) else { return Ok(()) };
        let body = json!({"prompt": self.shared.plan.prompt()});
        let key = format!("key-{}", self.name());
        match self.ask(Method::POST, &format!("/api/images/{id}/edits"), Some(&body), Some(&key)).await {
            Reply::Done(answer) => {
                self.model.ai_calls += 1;
                let name = self.model.images[index].name.clone();
                self.add_edit(name, id_of(&answer["image"])?, &json!({"id": id}))?;
            }
            Reply::Unknown => {
                self.model.unknown_edits += 1;
                self.model.unknown_ai_calls += 1;
            }
            Reply::Refused(404) => self.not_found(index, "an edit"),
            Reply::Refused(..) => {}
        }
        Ok(())
    }

    /// Creates an expiring link.
    async fn share(&mut self) -> Result<()> {
        let Some((index, id)) = self.some_image(|_| true) else { return Ok(()) };
        let key = format!("key-{}", self.name());
        let body = json!({"expires_in": 2_592_000});
        let path = format!("/api/images/{id}/links");
        match self.ask(Method::POST, &path, Some(&body), Some(&key)).await {
            Reply::Done(link) => {
                let secret = id_of(&link)?.split('-').next().unwrap_or_default().to_owned();
                self.model.links.push(LinkModel { image: id, secret });
            }
            Reply::Unknown => self.model.unknown_links += 1,
            Reply::Refused(404) => self.not_found(index, "a link"),
            // The image has no picture yet, or the user is too fast.
            Reply::Refused(409 | 429) => {}
            Reply::Refused(status) => {
                self.model.wrong_answers.push(format!("a link of {id} is refused with {status}"));
            }
        }
        Ok(())
    }

    /// Asks for a rendition.
    async fn render(&mut self) -> Result<()> {
        let Some((index, id)) = self.some_image(|_| true) else { return Ok(()) };
        let width = self.rng.u32(1..=3);
        let path = format!("/api/images/{id}/rendition?width={width}&height=2&fit=cover&format=webp");
        if let Reply::Refused(404) = self.ask(Method::GET, &path, None, None).await {
            self.not_found(index, "a request for a rendition");
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

    /// Reads an image. What is in the trash is not served.
    async fn look(&mut self) -> Result<()> {
        if self.rng.bool()
            && let Some((_, id)) = self.some_trashed()
        {
            for part in ["", "/status", "/rendition?width=1"] {
                let path = format!("/api/images/{id}{part}");
                if let Reply::Done(_) = self.ask(Method::GET, &path, None, None).await {
                    self.model.wrong_answers.push(format!("{path} answers, but the image is in the trash"));
                }
            }
        } else if let Some((index, _)) = self.some_image(|_| true) {
            self.look_at(index).await;
        }
        Ok(())
    }

    /// Reads an image, and notes the version that is ready.
    async fn look_at(&mut self, index: usize) {
        let id = self.model.images[index].id.clone().unwrap_or_default();
        match self.ask(Method::GET, &format!("/api/images/{id}"), None, None).await {
            Reply::Done(image) => self.seen(index, &image),
            Reply::Refused(404) => self.not_found(index, "a read"),
            _ => {}
        }
    }

    /// Notes the version of an image that is ready.
    fn seen(&mut self, index: usize, image: &Value) {
        if image["status"] == "ready" {
            let seen = image["version"].as_u64().unwrap_or_default();
            let image = &mut self.model.images[index];
            image.seen_ready = image.seen_ready.max(seen);
        }
    }

    fn not_found(&mut self, index: usize, what: &str) {
        let image = &self.model.images[index];
        if self.model.hidden(image) == Told::No {
            let line = format!("the image {} ({}) was not found by {what}", text(&image.id), image.name);
            self.model.wrong_answers.push(line);
        }
    }

    /// An image that requests find, as far as the client knows.
    fn some_image(&mut self, fits: impl Fn(&ImageModel) -> bool) -> Option<(usize, String)> {
        self.choose(|model, image| fits(image) && model.hidden(image) == Told::No)
    }

    /// An image that was moved to the trash, and perhaps deleted because it had no picture.
    fn some_trashed(&mut self) -> Option<(usize, String)> {
        self.choose(|model, image| image.discarded == Told::Yes && model.gone(image) != Told::Yes)
    }

    fn choose(&mut self, fits: impl Fn(&Model, &ImageModel) -> bool) -> Option<(usize, String)> {
        let fitting = self.model.images.iter().enumerate();
        let fitting = fitting.filter(|(_, image)| image.id.is_some() && fits(&self.model, image));
        let fitting: Vec<usize> = fitting.map(|(index, _)| index).collect();
        let index = *self.rng.choice(&fitting)?;
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
