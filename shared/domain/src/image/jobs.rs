//! The jobs that an image needs: analyses, edits, and copies in Dropbox.

use super::{Image, NewImage, Status, Upload};
use crate::{Analysis, JobId, Prompt, Task, Timestamp};

impl Image {
    /// A pending image that an edit of `source` will produce. Until the size of the result is known, the image counts
    /// as many bytes as its source.
    #[must_use]
    pub fn edit_of(source: &Self, prompt: Prompt, now: Timestamp) -> Self {
        let upload = Upload { checksum_sha256: None, ..source.shown_upload().clone() };
        let new = NewImage { file_name: source.file_name.clone(), title: None, description: None, upload };
        Self {
            source_image_id: Some(source.id),
            edit_prompt: Some(prompt),
            // The edit may have to wait for the upload of its source first.
            expires_at: Some(now.as_second() + 2 * Self::PENDING_SECONDS),
            ..Self::pending(new, now)
        }
    }

    /// Adds the jobs that start after the first upload was processed. Returns the image, followed by the image of its
    /// edit if there is an `edit_prompt`.
    #[must_use]
    pub fn with_deferred_jobs(
        mut self,
        analyze: bool,
        edit_prompt: Option<Prompt>,
        now: Timestamp,
    ) -> Vec<Self> {
        if analyze {
            self.analysis = Some(Analysis::queued(None, true, now));
        }
        let Some(prompt) = edit_prompt else { return vec![self] };
        let edit = Self::edit_of(&self, prompt.clone(), now);
        (self.edit_prompt, self.edit_image_id, self.edit_deferred) = (Some(prompt), Some(edit.id), true);
        vec![self, edit]
    }

    /// Whether an edit will produce the file of this image. Callers cannot upload a file to such an image.
    #[must_use]
    pub fn awaits_edit(&self) -> bool {
        self.source_image_id.is_some() && self.version == 1 && self.status == Status::Pending
    }

    /// The jobs that were requested before the upload of `version` was processed. They start even if that upload
    /// failed: a job without a picture fails at once, and its owner sees the failure.
    #[must_use]
    pub fn deferred_tasks(&self, version: u32) -> Vec<(JobId, Task)> {
        let mut tasks = Vec::new();
        if let Some(analysis) = self.analysis.as_ref().filter(|analysis| analysis.deferred) {
            let prompt = analysis.prompt.clone();
            tasks.push((analysis.job, Task::Analyze { image: self.id, version, prompt }));
        }
        if let (true, Some(image), Some(prompt)) = (self.edit_deferred, self.edit_image_id, &self.edit_prompt)
        {
            let prompt = prompt.clone();
            tasks.push((JobId::generate(), Task::Edit { source: self.id, version, image, prompt }));
        }
        tasks
    }

    /// The Dropbox jobs that a change from `before` to this image needs: one creates the new copy, one deletes the old
    /// copy.
    #[must_use]
    pub fn dropbox_copy_tasks(&self, before: &Self) -> Vec<(JobId, Task)> {
        let job = |image: &Self| image.dropbox_copy.as_ref().map(|dropbox_copy| dropbox_copy.job);
        if job(self) == job(before) {
            return Vec::new();
        }
        let create = self.dropbox_copy.as_ref().zip(self.picture.as_ref()).map(|(dropbox_copy, picture)| {
            let (version, path) = (picture.version, dropbox_copy.path.clone());
            (dropbox_copy.job, Task::DropboxCopy { image: self.id, version, path })
        });
        let delete =
            before.dropbox_copy.as_ref().map(|dropbox_copy| (JobId::generate(), dropbox_copy.delete_task()));
        create.into_iter().chain(delete).collect()
    }
}
