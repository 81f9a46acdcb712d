//! Compares what the stack contains with what the client was told.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tests::User;

use crate::{
    model::{ImageModel, LinkModel, Model, Told, Version},
    truth::{Truth, counted_bytes, keeps},
};

/// The differences, and what is allowed but worth knowing.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Each begins with its kind.
    pub(crate) differences: Vec<String>,
    pub(crate) images: usize,
    pub(crate) ready: usize,
    pub(crate) failed: usize,
    pub(crate) pending: usize,
    pub(crate) trashed: usize,
    pub(crate) deleted: usize,
    pub(crate) sets: usize,
    pub(crate) links: usize,
    pub(crate) objects: usize,
    /// Analyses, edits and copies that ended with the failure `gave-up`, because AWS failed five times.
    pub(crate) gave_up: usize,
    /// The paths of the copies in Dropbox that images have.
    pub(crate) copies: BTreeSet<String>,
    /// Originals of obsolete versions of images that wait for a replacement, and originals that arrived after the deletion
    /// of their image. If S3's event of such a file was lost, only the end of the replacement or the expiry of the
    /// deletion's marker deletes it.
    pub(crate) obsolete: Vec<String>,
}

/// Compares one user. `day` is the number of days since 1970 at the beginning of the run.
pub(crate) fn compare(user: &User, model: &Model, truth: &Truth, day: i64, found: &mut Findings) {
    let mut comparison = Comparison { user, model, truth, found, unknown_edits: model.unknown_edits };
    comparison.known_images();
    comparison.stored_images();
    comparison.trash();
    comparison.sets();
    comparison.links();
    comparison.renditions();
    comparison.words();
    comparison.objects();
    comparison.counters();
    comparison.ai_calls(day);
    for job in &truth.jobs {
        comparison.differs("job left", &format!("{job}"));
    }
    for answer in &model.wrong_answers {
        comparison.differs("wrong answer", answer);
    }
}

struct Comparison<'a> {
    user: &'a User,
    model: &'a Model,
    truth: &'a Truth,
    found: &'a mut Findings,
    unknown_edits: usize,
}

impl Comparison<'_> {
    fn differs(&mut self, kind: &str, what: &str) {
        self.found.differences.push(format!("{kind}: user {}: {what}", self.user.id));
    }

    /// Images that must exist, and images that must not.
    fn known_images(&mut self) {
        for image in &self.model.images {
            let Some(id) = &image.id else { continue };
            let stored = self.truth.images.get(id);
            let (exists, is_trashed) = (stored.is_some(), stored.is_some_and(is_in_trash));
            match self.model.gone(image) {
                Told::No if !exists => self.differs("lost image", &format!("{id} ({})", image.name)),
                Told::Yes if exists => self.differs("undeleted image", &format!("{id} ({})", image.name)),
                _ => {}
            }
            match image.discarded {
                Told::No if is_trashed => {
                    self.differs("image in the trash", &format!("{id} ({})", image.name))
                }
                Told::Yes if exists && !is_trashed => {
                    self.differs("image outside of the trash", &format!("{id} ({})", image.name));
                }
                _ => {}
            }
            self.found.deleted += usize::from(!exists);
        }
    }

    fn stored_images(&mut self) {
        let mut unknown: Vec<&ImageModel> =
            self.model.images.iter().filter(|image| image.id.is_none()).collect();
        for (id, stored) in &self.truth.images {
            self.found.images += 1;
            match stored["status"].as_str() {
                Some("ready") => self.found.ready += 1,
                Some("failed") => self.found.failed += 1,
                _ => self.found.pending += 1,
            }
            let model = self.model.find(id).map(|index| &self.model.images[index]).or_else(|| {
                let by_name = |image: &&ImageModel| stored["file_name"] == *image.name;
                let is_edit = stored.get("source_image_id").is_some();
                let index = unknown.iter().position(|image| !is_edit && by_name(image))?;
                Some(unknown.swap_remove(index))
            });
            match model {
                Some(model) => self.image(id, stored, model),
                None if stored.get("source_image_id").is_some() && self.unknown_edits > 0 => {
                    self.unknown_edits -= 1;
                }
                None => self.differs("unexpected image", &format!("{id} ({})", stored["file_name"])),
            }
            self.jobs(id, stored);
        }
        let listed: BTreeSet<&String> = self.truth.listed.iter().collect();
        let shown = self.truth.images.iter().filter(|(_, stored)| !is_in_trash(stored));
        let shown: BTreeSet<&String> = shown.map(|(id, _)| id).collect();
        if listed != shown {
            let all: Vec<_> = listed.symmetric_difference(&shown).collect();
            self.differs("wrong list", &format!("the list and the table differ in {all:?}"));
        }
    }

    /// The list of the trash contains exactly the images in the trash, and so do the items that it reads. Both expire at
    /// the same time.
    fn trash(&mut self) {
        let truth = self.truth;
        let stored = truth.images.iter().filter(|(_, stored)| is_in_trash(stored));
        let stored: BTreeSet<&String> = stored.map(|(id, _)| id).collect();
        self.found.trashed += stored.len();
        let listed: BTreeSet<&String> = truth.trashed.iter().collect();
        if listed != stored {
            let all: Vec<_> = listed.symmetric_difference(&stored).collect();
            self.differs("wrong list", &format!("the list of the trash and the table differ in {all:?}"));
        }
        let items: BTreeSet<&String> = truth.trash.keys().collect();
        for id in items.symmetric_difference(&stored) {
            self.differs("item of the trash without an image or the reverse", &self.known(id));
        }
        for (id, item) in &truth.trash {
            let until = truth.images.get(id).map(|stored| &stored["trash"]["until"]);
            if until.is_some_and(|until| *until != item["expires_at"]) {
                self.differs("wrong time in the trash", &format!("{id}: {until:?}, {item}"));
            }
        }
    }

    /// The state of an image.
    fn image(&mut self, id: &str, stored: &Value, model: &ImageModel) {
        let latest = stored["version"].as_u64().unwrap_or(0);
        let status = stored["status"].as_str().unwrap_or_default();
        let picture = stored["picture"]["version"].as_u64();
        let code = stored["failure"]["code"].as_str().unwrap_or_default();
        let name = format!("{id} ({}, version {latest}, {status} {code})", model.name);
        if code == "processing-failed" {
            self.differs("upload given up", &name);
        }
        if status == "ready" && picture.is_none() {
            self.differs("wrong status", &format!("{name}: no picture"));
        }
        if model.seen_ready > picture.unwrap_or(0) {
            self.differs("lost picture", &format!("{name}: version {} was ready", model.seen_ready));
        }
        if let Some(version) = picture.and_then(|version| model.versions.get(&version))
            && !version.picture.is_good
        {
            self.differs("wrong picture", &format!("{name}: the file of the picture is broken"));
        }
        let Some(version) = model.versions.get(&latest) else {
            let is_unanswered = latest <= model.versions.len() as u64 + model.unknown_versions;
            if model.source.is_some() && latest == 1 {
                let waits = status == "pending" && self.waits_for_source(model);
                if !matches!(status, "ready" | "failed") && !waits {
                    self.differs("lost edit", &name);
                }
            } else if !is_unanswered && model.source.is_none() {
                self.differs("unexpected version", &name);
            } else if status != "pending" {
                self.differs("wrong status", &format!("{name}: no file was sent for this version"));
            }
            return;
        };
        let size = version.picture.bytes.len() as u64;
        if stored["size"] != size {
            self.differs("wrong size", &format!("{name}: {} instead of {size}", stored["size"]));
        }
        let arrived = match version.sent {
            Told::Yes => true,
            Told::No => false,
            Told::Maybe => status != "pending" || self.truth.originals.contains(&format!("{id}/{latest}")),
        };
        match (arrived, status) {
            (true, "ready") if picture == Some(latest) => {}
            (true, "failed") if !version.picture.is_good => {}
            (false, "pending") => {}
            (true, "pending" | "processing") => {
                self.differs("lost upload", &format!("{name}: the file arrived and was not developed"));
            }
            (true, _) => {
                self.differs("wrong status", &format!("{name}: good file: {}", version.picture.is_good))
            }
            (false, _) => self.differs("wrong status", &format!("{name}: no file was sent")),
        }
    }

    /// Whether an edit waits for the file of its source, which was never sent.
    fn waits_for_source(&self, edit: &ImageModel) -> bool {
        let source = edit.source.as_ref().and_then(|id| self.truth.images.get(id));
        source.is_some_and(|source| source["edit_deferred"] == true && source["status"] == "pending")
    }

    /// The analysis and the copy of an image.
    fn jobs(&mut self, id: &str, stored: &Value) {
        let analysis = &stored["analysis"];
        let waits = analysis["deferred"] == true && stored["status"] == "pending";
        if analysis["status"] == "queued" && !waits {
            self.differs("lost analysis", &format!("{id}: {analysis}"));
        }
        let copy = &stored["dropbox_copy"];
        match copy["status"].as_str() {
            Some("done") => {
                self.found.copies.insert(copy["path"].as_str().unwrap_or_default().to_lowercase());
            }
            Some("failed") | None => {}
            Some(_) => self.differs("lost copy", &format!("{id}: {copy}")),
        }
        let gave_up = [analysis, copy, stored].map(|value| value["failure"]["code"] == "gave-up");
        self.found.gave_up += gave_up.into_iter().filter(|gave_up| *gave_up).count();
    }

    fn sets(&mut self) {
        let mut unknown = self.model.sets.iter().filter(|set| set.id.is_none()).count();
        for set in &self.model.sets {
            let Some(id) = &set.id else { continue };
            let exists = self.truth.sets.contains_key(id);
            match set.deleted {
                Told::No if !exists => self.differs("lost set", id),
                Told::Yes if exists => self.differs("undeleted set", id),
                _ => {}
            }
        }
        for (id, stored) in &self.truth.sets {
            self.found.sets += 1;
            if !self.model.sets.iter().any(|set| set.id.as_ref() == Some(id)) {
                match unknown.checked_sub(1) {
                    Some(left) => unknown = left,
                    None => self.differs("unexpected set", id),
                }
            }
            for (slot, image) in stored["slots"].as_object().into_iter().flatten() {
                let image = image.as_str().and_then(|image| self.truth.images.get(image));
                let place = image.map(|image| &image["set"]);
                let fits = place.is_some_and(|place| place["id"] == **id && place["image_type"] == **slot);
                if !fits {
                    self.differs(
                        "wrong slot",
                        &format!("{slot} of {id} contains what is not there: {stored}"),
                    );
                }
            }
        }
        for (id, stored) in &self.truth.images {
            // An image in the trash may have lost its place, which it learns when it is restored.
            let Some(place) = stored.get("set").filter(|_| !is_in_trash(stored)) else { continue };
            let set = place["id"].as_str().and_then(|set| self.truth.sets.get(set));
            let slot = place["image_type"].as_str().unwrap_or_default();
            if set.is_none_or(|set| set["slots"][slot] != **id) {
                self.differs("wrong slot", &format!("{id} says that it is in a slot: {place}"));
            }
        }
    }

    /// Expiring links go with their images. An image in the trash keeps them.
    fn links(&mut self) {
        self.found.links += self.truth.links.len();
        let stored: BTreeSet<&str> = self.truth.links.iter().map(String::as_str).collect();
        let known: BTreeSet<String> = self.model.links.iter().map(LinkModel::sort_key).collect();
        let mut unknown = self.model.unknown_links;
        for key in &self.truth.links {
            let image = key.split('#').nth(1).unwrap_or_default();
            if !self.truth.images.contains_key(image) {
                self.differs("orphan link", &format!("{key}, {}", self.known(image)));
            }
            if !known.contains(key) {
                match unknown.checked_sub(1) {
                    Some(left) => unknown = left,
                    None => self.differs("unexpected link", &format!("{key}, {}", self.known(image))),
                }
            }
        }
        for link in &self.model.links {
            let (key, image) = (link.sort_key(), &link.image);
            if self.truth.images.contains_key(image) && !stored.contains(key.as_str()) {
                self.differs("lost link", &format!("{key}, {}", self.known(image)));
            }
        }
    }

    /// Renditions belong to the current picture of an image, which counts them.
    fn renditions(&mut self) {
        let mut counts: BTreeMap<&String, u64> = BTreeMap::new();
        for (id, form, item) in &self.truth.renditions {
            let picture = self.truth.images.get(id).map(|stored| &stored["picture"]["version"]);
            if picture.is_none_or(|version| *version != item["version"]) {
                let what = format!("{form} of {id}, version {}, {}", item["version"], self.known(id));
                self.differs("orphan rendition", &what);
            }
            *counts.entry(id).or_default() += 1;
        }
        for (id, stored) in &self.truth.images {
            let (counted, found) = (&stored["picture"]["renditions"], counts.get(id).copied().unwrap_or(0));
            if counted.as_u64().unwrap_or(0) != found {
                self.differs(
                    "wrong counter",
                    &format!("{id} counts {counted} renditions instead of {found}"),
                );
            }
        }
    }

    /// Each image has its words, and no words are left of a deleted image.
    fn words(&mut self) {
        let truth = self.truth;
        let images: BTreeSet<String> = truth.images.keys().cloned().collect();
        for id in images.symmetric_difference(&truth.words) {
            self.differs("words without an image or the reverse", &format!("{id}, {}", self.known(id)));
        }
    }

    /// Whether a rendition's file belongs to a rendition, or to an earlier version of an image: a worker that dies after it
    /// has stored the file does not delete it, and it goes with the image.
    fn is_rendition(&self, key: &str) -> bool {
        let mut parts = key.splitn(3, '/');
        let (Some(id), Some(version), Some(form)) = (parts.next(), parts.next(), parts.next()) else {
            return false;
        };
        let is_known = self.truth.renditions.iter().any(|(image, known, item)| {
            image == id && known == form && item["version"].as_u64() == version.parse().ok()
        });
        let picture = self.truth.images.get(id).and_then(|stored| stored["picture"]["version"].as_u64());
        let is_earlier =
            picture.zip(version.parse::<u64>().ok()).is_some_and(|(picture, version)| version < picture);
        form.starts_with(['w', 'h', 's']) && (is_known || is_earlier)
    }

    /// The objects in both buckets: exactly those that the images need.
    fn objects(&mut self) {
        self.found.objects += self.truth.originals.len() + self.truth.derived.len();
        let mut needed = BTreeSet::new();
        let mut thumbnails = BTreeSet::new();
        for (id, stored) in &self.truth.images {
            if let Some(version) = stored["picture"]["version"].as_u64() {
                needed.insert(format!("{id}/{version}"));
                for thumbnail in stored["picture"]["thumbnails"].as_array().into_iter().flatten() {
                    thumbnails.insert(format!("{id}/{version}/{}", thumbnail["size"]));
                }
            } else if stored["status"] == "failed" && stored.get("source_image_id").is_none() {
                needed.insert(format!("{id}/{}", stored["version"]));
            }
        }
        for key in &self.truth.originals {
            let (id, version) = key.split_once('/').unwrap_or((key, ""));
            let owner = self.truth.images.get(id).zip(version.parse().ok());
            match owner {
                Some((stored, version)) if keeps(stored, version) => {}
                Some((stored, version)) if self.failed_before(id, stored, version) => {}
                Some((stored, _)) if stored["status"] == "pending" => {
                    let line = format!("obsolete object: original {key}, {}", self.known(id));
                    self.found.obsolete.push(line);
                }
                _ => self.differs("orphan object", &format!("original {key}, {}", self.known(id))),
            }
        }
        for key in &needed {
            if !self.truth.originals.contains(key) {
                self.differs("lost object", &format!("original {key}"));
            }
        }
        let found: BTreeSet<String> = self
            .truth
            .derived
            .iter()
            .filter(|key| !self.is_rendition(key))
            .map(|key| key.rsplit_once('.').map_or(key.as_str(), |(stem, _)| stem).to_owned())
            .collect();
        for key in found.difference(&thumbnails) {
            let id = key.split('/').next().unwrap_or_default();
            self.differs("orphan object", &format!("thumbnail {key}, {}", self.known(id)));
        }
        for (id, form, item) in &self.truth.renditions {
            let key = format!("{id}/{}/{form}", item["version"]);
            if item.get("made").is_some() && !self.truth.derived.contains(&key) {
                self.differs("lost object", &format!("rendition {key}"));
            }
        }
        for key in thumbnails.difference(&found) {
            self.differs("lost object", &format!("thumbnail {key}"));
        }
    }

    /// Whether a version failed, and the image waits for a replacement, whose end also deletes the file of that version.
    fn failed_before(&self, id: &str, stored: &Value, version: u64) -> bool {
        let model = self.model.find(id).map(|index| &self.model.images[index]);
        let is_broken = model
            .and_then(|model| model.versions.get(&version))
            .is_some_and(|version| !version.picture.is_good);
        is_broken && stored["status"] == "pending" && stored.get("picture").is_none()
    }

    /// What the client knows about an image.
    fn known(&self, id: &str) -> String {
        let Some(model) = self.model.find(id).map(|index| &self.model.images[index]) else {
            return "which no client knows".to_owned();
        };
        let version =
            |version: &Version| format!("sent: {:?}, good: {}", version.sent, version.picture.is_good);
        let versions: Vec<_> = model.versions.iter().map(|(number, one)| (number, version(one))).collect();
        let (name, gone, exists) = (&model.name, self.model.gone(model), self.truth.images.contains_key(id));
        format!(
            "{name}, exists: {exists}, deleted: {gone:?}, discarded: {:?}, versions: {versions:?}, edit of {:?}",
            model.discarded, model.source
        )
    }

    /// The usage in the profile.
    fn counters(&mut self) {
        let images = self.truth.images.len() as u64;
        let bytes: u64 = self.truth.images.values().map(counted_bytes).sum();
        let sets = self.truth.sets.len() as u64;
        let links = self.truth.links.len() as u64;
        let pending = self.truth.images.values().filter(|stored| is_pending_upload(stored)).count() as u64;
        let expected = [
            ("images", images),
            ("bytes", bytes),
            ("sets", sets),
            ("links", links),
            ("pending_uploads", pending),
        ];
        for (name, count) in expected {
            // Not every version of the API shows the number of sets.
            let shown = self.truth.usage.get(name);
            if shown.is_some_and(|shown| *shown != count) || (shown.is_none() && name != "sets") {
                self.differs("wrong counter", &format!("{} instead of {count} {name}", self.truth.usage));
            }
        }
        let stored = &self.truth.profile;
        if stored["images"] != images || stored["bytes"] != bytes {
            let what = format!(
                "{} images and {} bytes instead of {images} and {bytes}",
                stored["images"], stored["bytes"]
            );
            self.differs("wrong counter", &what);
        }
        // These numbers can be too high, but never too low.
        for (name, count) in [("links_at_most", links), ("pending_uploads_at_most", pending)] {
            if stored[name].as_u64().unwrap_or(0) < count {
                self.differs("wrong counter", &format!("{name} is {} instead of {count}", stored[name]));
            }
        }
    }

    /// The number of analyses and edits of the day. `day` is the day at the beginning of the run. After midnight, the
    /// number begins again.
    fn ai_calls(&mut self, day: i64) {
        let stored = &self.truth.profile;
        let counted = stored["ai_calls"].as_u64().unwrap_or(0);
        let most = self.model.ai_calls + self.model.unknown_ai_calls;
        let is_same_day = stored["ai_day"].as_i64().is_none_or(|counted| counted == day);
        if is_same_day && !(self.model.ai_calls..=most).contains(&counted) {
            let what = format!("{counted} AI calls instead of {} to {most}", self.model.ai_calls);
            self.differs("wrong counter", &what);
        }
    }
}

/// Whether an image waits for its first file from a client.
fn is_pending_upload(stored: &Value) -> bool {
    // A replacement of a picture has another deadline.
    let has_deadline = stored.get("expires_at").is_some();
    stored["status"] == "pending" && has_deadline && stored.get("source_image_id").is_none()
}

/// Whether an image is in the trash.
fn is_in_trash(stored: &Value) -> bool {
    stored.get("trash").is_some()
}
