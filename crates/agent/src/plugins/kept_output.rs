//! The whole output of steps, for commands that want it in a bucket: kept in files while a program runs, put into the
//! server's object store when its step ends. What replies carry of it is `output`'s.
//! Source: spec agent-protocol 3.7, systems-manager 1.7.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use api::agent::SendCommandPayload;
use domain::ids::InvalidId;
use domain::object::{
    BucketName, LOG_BUCKET, ObjectAddress, Stream, log_name, log_prefix, output_name, output_prefix,
};

use super::engine::{PluginResult, Run, Step};
use crate::enroll::Registration;
use crate::patch_run::patience::patiently;
use crate::platform;
use crate::transport::credentials::Source;
use crate::transport::objects::ObjectStore;

/// Of one stream: a program that writes on and on must not fill the disk.
pub const MAX_STREAM_BYTES: u64 = 256 << 20;
const CUT: &[u8] = b"\n--output truncated--\n";

/// Where the output of a command goes: into a bucket, to the files of a log group, or to both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    output: Option<Place>,
    log: Option<Place>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    bucket: BucketName,
    /// Of everything that the command puts there: `PREFIX/COMMAND/NODE/`
    prefix: String,
    layout: Layout,
}

/// How files are called below a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    Output,
    Log,
}

impl Destination {
    /// `None`: nowhere. Fails with the reason when there is no such place.
    pub fn of(payload: &SendCommandPayload, instance_id: &str) -> Result<Option<Self>, String> {
        let (bucket, group) = (&payload.output_s3_bucket_name, &payload.fettle_log_group_name);
        if bucket.is_empty() && group.is_empty() {
            return Ok(None);
        }
        let command = payload.command_id.parse().map_err(|error| format!("{error}"))?;
        let node = instance_id.parse().map_err(|error| format!("{error}"))?;
        let place = |bucket: &str, prefix, layout| {
            let bucket = bucket.parse().map_err(|error: InvalidId| format!("{error}"))?;
            Ok::<_, String>(Place { bucket, prefix, layout })
        };
        let (mut output, mut log) = (None, None);
        if !bucket.is_empty() {
            let prefix = output_prefix(&payload.output_s3_key_prefix, &command, &node);
            output = Some(place(bucket, prefix, Layout::Output)?);
        }
        if !group.is_empty() {
            log = Some(place(LOG_BUCKET, log_prefix(group, &command, &node), Layout::Log)?);
        }
        Ok(Some(Self { output, log }))
    }

    /// Which replies name.
    pub fn output(&self) -> Option<&Place> {
        self.output.as_ref()
    }

    fn places(&self) -> impl Iterator<Item = &Place> {
        self.output.iter().chain(&self.log)
    }
}

impl Place {
    pub fn bucket(&self) -> &str {
        self.bucket.as_str()
    }

    /// Of a step's objects, as replies name it.
    pub fn key_prefix(&self, action: &str) -> String {
        format!("{}{}", self.prefix, action.replace(':', ""))
    }

    fn address(&self, action: &str, step: &str, stream: Stream) -> anyhow::Result<ObjectAddress> {
        let name = match self.layout {
            Layout::Output => output_name(action, step, stream),
            Layout::Log => log_name(action, step, stream),
        };
        let key = format!("{}{name}", self.prefix);
        let parsed = key.parse().with_context(|| format!("s3://{}/{key}", self.bucket))?;
        Ok(ObjectAddress { bucket: self.bucket.clone(), key: parsed })
    }
}

/// The files in which one step's output is kept until it ends.
#[derive(Clone, Debug)]
pub struct Spool {
    dir: PathBuf,
    index: usize,
}

impl Spool {
    pub fn new(dir: &Path, index: usize) -> Self {
        Self { dir: dir.to_owned(), index }
    }

    fn path(&self, stream: Stream) -> PathBuf {
        let name = match stream {
            Stream::Output => "stdout",
            Stream::Error => "stderr",
        };
        self.dir.join(format!("{}-{name}", self.index))
    }

    /// For what comes next of a stream.
    pub fn open(&self, stream: Stream) -> std::io::Result<Sink> {
        platform::create_private_dir(&self.dir)?;
        let file = platform::open_private(&self.path(stream))?;
        let room = MAX_STREAM_BYTES.saturating_sub(file.metadata()?.len());
        Ok(Sink { file: Some(file), room })
    }

    /// Adds words of the agent's own.
    pub fn add(&self, stream: Stream, text: &str) {
        if !text.is_empty() {
            match self.open(stream) {
                Ok(mut sink) => sink.write(text.as_bytes()),
                Err(error) => tracing::warn!(%error, "a step's output is not kept"),
            }
        }
    }

    fn remove(&self) {
        for stream in Stream::ALL {
            let _ = std::fs::remove_file(self.path(stream));
        }
        // Only when no other step has files there.
        let _ = std::fs::remove_dir(&self.dir);
    }

    /// Puts what was kept into the store and removes it here. Fails with the reason; the output is then in the replies alone.
    pub async fn put(
        self,
        data_dir: &Path,
        to: &Destination,
        action: &str,
        step: &str,
    ) -> Result<(), String> {
        let (data_dir, to) = (data_dir.to_owned(), to.clone());
        let (action, step) = (action.to_owned(), step.to_owned());
        let put = tokio::task::spawn_blocking(move || {
            let outcome = self.put_blocking(&data_dir, &to, &action, &step);
            self.remove();
            outcome
        });
        match put.await {
            Ok(outcome) => outcome.map_err(|error| format!("{error:#}")),
            Err(error) => Err(error.to_string()),
        }
    }

    fn put_blocking(
        &self,
        data_dir: &Path,
        to: &Destination,
        action: &str,
        step: &str,
    ) -> anyhow::Result<()> {
        let registration = Registration::require(data_dir)?;
        let caller = registration.caller()?;
        let source = Source { caller: caller.clone(), registration, data_dir: data_dir.to_owned() };
        let store = ObjectStore::of_server(&caller, &source.stored_or_new()?);
        for stream in Stream::ALL {
            let path = self.path(stream);
            let size_bytes = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
            // Nothing was said: there is no object either.
            if size_bytes == 0 {
                continue;
            }
            for place in to.places() {
                let address = place.address(action, step, stream)?;
                // Opened for each attempt: the file is read from its beginning.
                patiently(|| {
                    let file =
                        File::open(&path).map_err(|source| PutError::File { path: path.clone(), source })?;
                    Ok::<_, PutError>(store.put(&address, &file, size_bytes)?)
                })?;
            }
        }
        Ok(())
    }
}

/// The files of a step's whole output, if it is wanted.
pub(super) fn spool(run: &Run<'_>, index: usize) -> Option<Spool> {
    run.destination.as_ref().map(|_| Spool::new(&run.work_dir.join("output"), index))
}

/// Puts a step's whole output where it is wanted: there, when it worked. A failure is told with the output that replies carry.
pub(super) async fn put_output<'a>(
    run: &'a Run<'_>,
    index: usize,
    step: &Step,
    result: &mut PluginResult,
) -> Option<&'a Destination> {
    let (destination, spool) = (run.destination.as_ref()?, spool(run, index)?);
    match spool.put(&run.surroundings.data_dir, destination, &step.action, &step.key).await {
        Ok(()) => Some(destination),
        Err(reason) => {
            tracing::warn!(reason, "a step's output was not put into the bucket");
            if !result.stderr.is_empty() && !result.stderr.ends_with('\n') {
                result.stderr.push('\n');
            }
            let buckets: Vec<&str> = destination.places().map(Place::bucket).collect();
            let buckets = buckets.join(" and ");
            result.stderr.push_str(&format!("the output is not in the bucket {buckets}: {reason}\n"));
            None
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum PutError {
    #[error("{}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Object(#[from] crate::transport::objects::ObjectError),
}

impl crate::patch_run::patience::Failure for PutError {
    fn may_pass(&self) -> bool {
        match self {
            Self::File { .. } => false,
            Self::Object(error) => error.may_pass(),
        }
    }
}

/// Takes a stream, up to a limit. What cannot be kept is told once and dropped: the program goes on.
pub struct Sink {
    file: Option<File>,
    room: u64,
}

impl Sink {
    pub fn write(&mut self, bytes: &[u8]) {
        let Some(file) = &mut self.file else { return };
        let fits = usize::try_from(self.room).unwrap_or(usize::MAX).min(bytes.len());
        self.room -= fits as u64;
        let mut written = file.write_all(&bytes[..fits]);
        let is_cut = fits < bytes.len();
        if is_cut && written.is_ok() {
            written = file.write_all(CUT);
        }
        if let Err(error) = &written {
            tracing::warn!(%error, "a step's output is not kept to its end");
        }
        if is_cut || written.is_err() {
            self.file = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_kept_up_to_a_limit() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::new(&dir.path().join("output"), 0);
        let mut sink = spool.open(Stream::Output).unwrap();
        sink.room = 5;
        sink.write(b"abc");
        sink.write(b"defgh");
        sink.write(b"more");
        spool.add(Stream::Error, "reason");
        spool.add(Stream::Error, "");
        let read = |stream| std::fs::read_to_string(spool.path(stream)).unwrap();
        assert_eq!(
            (read(Stream::Output).as_str(), read(Stream::Error).as_str()),
            ("abcde\n--output truncated--\n", "reason")
        );
        spool.remove();
        assert!(!dir.path().join("output").exists());
    }

    #[test]
    fn payloads_name_a_place_or_none() {
        let mut payload = SendCommandPayload {
            command_id: "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10".into(),
            ..SendCommandPayload::default()
        };
        let node = "mi-0123456789abcdef0";
        assert_eq!(Destination::of(&payload, node), Ok(None));
        payload.output_s3_bucket_name = "outputs".into();
        payload.output_s3_key_prefix = "web".into();
        let to = Destination::of(&payload, node).unwrap().unwrap();
        assert_eq!(to.log, None);
        let address =
            to.output().unwrap().address("aws:runShellScript", "PatchLinux", Stream::Error).unwrap();
        assert_eq!(
            address.to_string(),
            "s3://outputs/web/3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10/mi-0123456789abcdef0/awsrunShellScript/PatchLinux/stderr"
        );
        payload.output_s3_bucket_name = String::new();
        payload.fettle_log_group_name = "/ops/web".into();
        let to = Destination::of(&payload, node).unwrap().unwrap();
        assert_eq!(to.output(), None);
        let address = to.log.unwrap().address("aws:runShellScript", "PatchLinux", Stream::Error).unwrap();
        assert_eq!(
            address.to_string(),
            "s3://fettle-logs/ops/web/3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10/mi-0123456789abcdef0/PatchLinux/stderr"
        );
        payload.output_s3_bucket_name = "No_Bucket".into();
        assert!(Destination::of(&payload, node).is_err());
    }
}
