//! The ids by which log lines about the same thing are found.

use domain::{Job, Task};

/// The id that all lines about a job have: the image that the job is for, or the job itself if it is for no image. The
/// image of an edit is the new one.
#[must_use]
pub fn correlation_id(job: &Job) -> String {
    match &job.task {
        Task::Analyze { image, .. } | Task::Edit { image, .. } | Task::DropboxCopy { image, .. } => {
            image.to_string()
        }
        _ => job.id.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use domain::{ImageId, JobId};

    use super::*;

    #[test]
    fn a_job_has_the_id_of_its_image_if_it_has_one() {
        let (id, image, source) = (JobId::generate(), ImageId::generate(), ImageId::generate());
        let prompt = "Make it blue.".to_owned().try_into().unwrap();
        let edit = Job::new(id, Task::Edit { source, version: 1, image, prompt });
        assert_eq!(correlation_id(&edit), image.to_string());
        let other = Job::new(id, Task::DeleteAccount { username: None, is_missing: false });
        assert_eq!(correlation_id(&other), id.to_string());
    }
}
