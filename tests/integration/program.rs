//! Running the program as its users do.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;

use serde_json::{Value, json};

/// The program with a data folder and a working folder of its own, and none of this process's
/// `EYRIE_` variables.
pub(crate) struct Program {
    dir: tempfile::TempDir,
    executable: PathBuf,
    /// Who runs it, where it is not the user of the tests.
    user: Option<u32>,
    /// What its environment has besides.
    variables: Vec<(&'static str, String)>,
}

impl Program {
    pub(crate) fn new() -> Self {
        let executable = PathBuf::from(env!("CARGO_BIN_EXE_eyrie"));
        Self { dir: tempfile::tempdir().expect("temporary folder"), executable, user: None, variables: Vec::new() }
    }

    /// The same run by somebody whom the permissions of files bind. Tests often run as root, whom
    /// they do not: then it is `nobody`, with a program of its own, since root's folders are closed
    /// to others.
    #[cfg(unix)]
    pub(crate) fn bound_by_permissions() -> Self {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
        const NOBODY: u32 = 65_534;
        let mut program = Self::new();
        if std::fs::metadata(program.dir.path()).expect("there").uid() == 0 {
            let copy = program.path("eyrie");
            std::fs::hard_link(&program.executable, &copy)
                .or_else(|_| std::fs::copy(&program.executable, &copy).map(drop))
                .expect("a copy of the program");
            std::fs::set_permissions(program.dir.path(), PermissionsExt::from_mode(0o755)).expect("root may");
            chown(program.dir.path(), Some(NOBODY), Some(NOBODY)).expect("root may");
            program.executable = copy;
            program.user = Some(NOBODY);
        }
        program
    }

    /// The same run by a shell that lets it write no file larger than so many kibibytes, as a full
    /// disk would. [`Server::lift_file_limit`] makes room.
    #[cfg(unix)]
    pub(crate) fn with_file_limit(kibibytes: u32) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let mut program = Self::new();
        let script = program.path("limited");
        // The unit of `ulimit -f` is 512 bytes; without the trap the signal would end the program.
        let text = format!(
            "#!/bin/sh\ntrap '' XFSZ\nulimit -S -f {}\nexec '{}' \"$@\"\n",
            kibibytes * 2,
            program.executable.display()
        );
        std::fs::write(&script, text).expect("written");
        std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).expect("set");
        program.executable = script;
        program
    }

    /// Sets a variable of its environment.
    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.variables.push((name, value.into()));
    }

    /// A path in the working folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a picture that `seed` decides: a PNG of 120x90 pixels.
    pub(crate) fn picture(&self, name: &str, seed: u32) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("below the working folder")).expect("folder");
        picture(seed).save(&path).expect("picture");
        path
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.executable);
        #[cfg(unix)]
        if let Some(user) = self.user {
            std::os::unix::process::CommandExt::uid(&mut command, user);
        }
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("EYRIE_") || name == "RUST_LOG" {
                command.env_remove(name);
            }
        }
        command.args(arguments).current_dir(self.dir.path()).env("EYRIE_DATA_DIR", self.path("data"));
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Ended(self.command(arguments).output().expect("the program runs"))
    }
}

/// A run of the program that has ended.
pub(crate) struct Ended(pub(crate) Output);

impl Ended {
    pub(crate) fn code(&self) -> i32 {
        self.0.status.code().unwrap_or_else(|| panic!("ended by a signal: {}", self.stderr()))
    }

    pub(crate) fn stdout(&self) -> &str {
        std::str::from_utf8(&self.0.stdout).expect("UTF-8")
    }

    pub(crate) fn stderr(&self) -> &str {
        std::str::from_utf8(&self.0.stderr).expect("UTF-8")
    }

    /// Fails the test with what the program said when the exit code is another one.
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code(), code, "stdout: {}\nstderr: {}", self.stdout(), self.stderr());
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.0.stdout).unwrap_or_else(|e| panic!("{e}: {}", self.stdout()))
    }
}

/// A running server, killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// Lines as they come, so that the server never waits for somebody to read them.
    log: mpsc::Receiver<String>,
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
    /// The line of the log that says `listening`.
    pub(crate) listening: Value,
    /// The log up to that line.
    pub(crate) said: String,
}

impl Server {
    /// Starts `eyrie serve` on a free port and waits for the line that names it.
    pub(crate) fn start(program: &Program) -> Self {
        Self::start_on(program, "127.0.0.1:0")
    }

    /// The same on another address.
    pub(crate) fn start_on(program: &Program, bind: &str) -> Self {
        Self::launch(program, bind, "json")
    }

    /// The same with a log in this format.
    pub(crate) fn start_with_log(program: &Program, format: &str) -> Self {
        Self::launch(program, "127.0.0.1:0", format)
    }

    fn launch(program: &Program, bind: &str, format: &str) -> Self {
        let mut command = program.command(&["serve", "--bind", bind]);
        command.env("EYRIE_LOG__FORMAT", format).stderr(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().expect("the server starts");
        let lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let (sender, log) = mpsc::channel();
        std::thread::spawn(move || {
            for line in lines {
                // A test that has ended reads no more; the pipe is emptied all the same.
                let _unread = sender.send(line.expect("the log is text") + "\n");
            }
        });
        let mut server = Self { child, log, address: String::new(), listening: Value::Null, said: String::new() };
        while server.listening.is_null() {
            let line = server.log.recv();
            let line = line.unwrap_or_else(|_| panic!("the server ended before it listened\n{}", server.said));
            server.said.push_str(&line);
            match serde_json::from_str::<Value>(&line) {
                Ok(event) if event["message"] == "listening" => server.listening = event,
                Ok(_) => {}
                Err(_) => server.listening = listening_in_text(&line),
            }
        }
        server.address = server.listening["address"].as_str().expect("an address").to_owned();
        server
    }

    /// The number of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Lets it write files of any size again.
    #[cfg(target_os = "linux")]
    pub(crate) fn lift_file_limit(&self) {
        use rustix::process::{Pid, Resource, Rlimit, prlimit};
        let pid = Pid::from_raw(i32::try_from(self.pid()).expect("a number of a process"));
        let limit = Rlimit { current: None, maximum: None };
        prlimit(pid, Resource::Fsize, limit).expect("its limit may be lifted up to the hard one");
    }

    /// Sends a signal by its name, for example `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Reads the log up to a line that is looked for.
    pub(crate) fn log_until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = self.log.recv().unwrap_or_else(|_| panic!("the server ended\n{}", self.said));
            self.said.push_str(&line);
            match serde_json::from_str::<Value>(&line) {
                Ok(event) if wanted(&event) => return event,
                Ok(_) | Err(_) => {}
            }
        }
    }

    /// Waits for the end; the exit code and the rest of the log.
    pub(crate) fn wait(mut self) -> (Option<i32>, String) {
        let rest = self.log.iter().collect();
        (self.child.wait().expect("ends").code(), rest)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// The line that says `listening` in a log for people, as far as tests need it.
fn listening_in_text(line: &str) -> Value {
    let address = line.split_once(" listening ").and_then(|(_, rest)| rest.split_once("address="));
    let address = address.and_then(|(_, rest)| rest.split_whitespace().next());
    address.map_or(Value::Null, |address| json!({ "address": address }))
}

/// Rectangles and a gradient whose places and colours `seed` decides.
pub(crate) fn picture(seed: u32) -> image::RgbImage {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    let mut next = move |bound: u32| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state % bound
    };
    let tint = [next(256), next(256), next(256)];
    let mut picture = image::RgbImage::from_fn(120, 90, |x, y| {
        image::Rgb([(x * 2 + tint[0]) as u8, (y * 2 + tint[1]) as u8, (x + y + tint[2]) as u8])
    });
    for _ in 0..8 {
        let (left, top) = (next(100), next(70));
        let (width, height) = (8 + next(40), 8 + next(40));
        let colour = image::Rgb([next(256) as u8, next(256) as u8, next(256) as u8]);
        for y in top..(top + height).min(90) {
            for x in left..(left + width).min(120) {
                picture.put_pixel(x, y, colour);
            }
        }
    }
    picture
}

/// The text of a path of this test.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}
