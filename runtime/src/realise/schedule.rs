//! Runs tasks that depend on each other, many at a time.
//!
//! Contract: knows nothing of derivations. A task starts when all that it needs is done; of those
//! that could start, the one with the lowest number does, so that with one thread the order is
//! always the same. Builds and fetches have threads of their own: a slow download holds up no build.
//! Takes time linear in the number of edges. Nix's counterpart is `Worker` in
//! `libstore/build/worker.cc`.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Which threads take a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Uses a processor.
    Build,
    /// Uses the network.
    Fetch,
}

/// A task's place in the graph; its number is its index in the list of tasks.
#[derive(Debug, Clone)]
pub struct Task {
    /// Who runs it.
    pub lane: Lane,
    /// The numbers of those that must be done before.
    pub needs: Vec<usize>,
}

/// How a task ended, as the one who ran it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// What needs it may start.
    Done,
    /// What needs it never starts.
    Failed,
    /// It failed, and nothing else shall start.
    FailedStopAll,
}

/// What became of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It ran and is done.
    Done,
    /// It ran and failed.
    Failed,
    /// It never ran: the task with this number, which it needs, failed.
    Blocked(usize),
    /// It never ran, because everything was stopped.
    NotStarted,
}

/// How many tasks of each lane run at a time.
#[derive(Debug, Clone, Copy)]
pub struct Widths {
    /// Builds.
    pub builds: usize,
    /// Fetches.
    pub fetches: usize,
}

/// Runs all tasks and tells what became of each.
///
/// `work` is called from several threads at once. `stopped` is asked before each start. A panic in
/// `work` is passed on after the other threads have ended.
pub fn run(
    tasks: &[Task],
    widths: Widths,
    stopped: &(dyn Fn() -> bool + Sync),
    work: &(dyn Fn(usize) -> Verdict + Sync),
) -> Vec<Fate> {
    let board = Board {
        state: Mutex::new(State::new(tasks)),
        changed: Condvar::new(),
        tasks,
        stopped,
    };
    let count = |lane| tasks.iter().filter(|task| task.lane == lane).count();
    std::thread::scope(|scope| {
        for (lane, width) in [(Lane::Build, widths.builds), (Lane::Fetch, widths.fetches)] {
            for _ in 0..width.max(1).min(count(lane)) {
                let board = &board;
                scope.spawn(move || board.serve(lane, work));
            }
        }
    });
    let state = board
        .state
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    state.fates
}

struct Board<'t> {
    state: Mutex<State>,
    changed: Condvar,
    tasks: &'t [Task],
    stopped: &'t (dyn Fn() -> bool + Sync),
}

struct State {
    fates: Vec<Fate>,
    /// How many needs of each task are not done yet.
    waiting_for: Vec<usize>,
    needed_by: Vec<Vec<usize>>,
    ready: [BTreeSet<usize>; 2],
    /// How many tasks run, or may still start.
    open: usize,
    running: usize,
    stop: bool,
}

impl State {
    fn new(tasks: &[Task]) -> State {
        let mut needed_by = vec![Vec::new(); tasks.len()];
        let mut ready = [BTreeSet::new(), BTreeSet::new()];
        for (number, task) in tasks.iter().enumerate() {
            for &need in &task.needs {
                needed_by[need].push(number);
            }
            if task.needs.is_empty() {
                ready[task.lane as usize].insert(number);
            }
        }
        State {
            fates: vec![Fate::NotStarted; tasks.len()],
            waiting_for: tasks.iter().map(|task| task.needs.len()).collect(),
            needed_by,
            ready,
            open: tasks.len(),
            running: 0,
            stop: false,
        }
    }

    /// Whether no task will start any more.
    fn over(&self) -> bool {
        self.open == 0 || (self.stop && self.running == 0)
    }

    fn finish(&mut self, tasks: &[Task], number: usize, verdict: Verdict) {
        self.open -= 1;
        self.running -= 1;
        if verdict == Verdict::Done {
            self.fates[number] = Fate::Done;
            for dependant in std::mem::take(&mut self.needed_by[number]) {
                self.waiting_for[dependant] -= 1;
                if self.waiting_for[dependant] == 0 {
                    self.ready[tasks[dependant].lane as usize].insert(dependant);
                }
            }
            return;
        }
        self.fates[number] = Fate::Failed;
        self.stop |= verdict == Verdict::FailedStopAll;
        let mut blocked = std::mem::take(&mut self.needed_by[number]);
        while let Some(dependant) = blocked.pop() {
            if self.fates[dependant] == Fate::NotStarted {
                self.fates[dependant] = Fate::Blocked(number);
                self.open -= 1;
                blocked.append(&mut self.needed_by[dependant]);
            }
        }
    }
}

impl Board<'_> {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, lane: Lane, work: &(dyn Fn(usize) -> Verdict + Sync)) {
        while let Some(number) = self.next(lane) {
            let result = catch_unwind(AssertUnwindSafe(|| work(number)));
            let verdict = result.as_ref().copied().unwrap_or(Verdict::FailedStopAll);
            self.lock().finish(self.tasks, number, verdict);
            self.changed.notify_all();
            if let Err(panic) = result {
                resume_unwind(panic);
            }
        }
    }

    fn next(&self, lane: Lane) -> Option<usize> {
        let mut state = self.lock();
        loop {
            if (self.stopped)() {
                state.stop = true;
            }
            if state.stop || state.over() {
                self.changed.notify_all();
                return None;
            }
            if let Some(number) = state.ready[lane as usize].pop_first() {
                state.running += 1;
                return Some(number);
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ONE: Widths = Widths {
        builds: 1,
        fetches: 1,
    };

    fn task(needs: &[usize]) -> Task {
        Task {
            lane: Lane::Build,
            needs: needs.to_vec(),
        }
    }

    fn run_all(
        tasks: &[Task],
        widths: Widths,
        verdict: impl Fn(usize) -> Verdict + Sync,
    ) -> (Vec<Fate>, Vec<usize>) {
        let order = Mutex::new(Vec::new());
        let fates = run(tasks, widths, &|| false, &|number| {
            order.lock().expect("order").push(number);
            verdict(number)
        });
        (fates, order.into_inner().expect("order"))
    }

    #[test]
    fn with_one_thread_the_order_is_fixed() {
        let tasks = [task(&[]), task(&[0]), task(&[]), task(&[1, 2]), task(&[])];
        let (fates, order) = run_all(&tasks, ONE, |_| Verdict::Done);
        assert_eq!(fates, [Fate::Done; 5]);
        assert_eq!(order, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn what_needs_a_failure_is_blocked_and_the_rest_goes_on() {
        let tasks = [task(&[]), task(&[0]), task(&[1]), task(&[])];
        let (fates, order) = run_all(&tasks, ONE, |number| {
            if number == 0 {
                Verdict::Failed
            } else {
                Verdict::Done
            }
        });
        assert_eq!(
            fates,
            [Fate::Failed, Fate::Blocked(0), Fate::Blocked(0), Fate::Done]
        );
        assert_eq!(order, [0, 3]);
    }

    #[test]
    fn a_failure_can_stop_everything() {
        let tasks = [task(&[]), task(&[0]), task(&[])];
        let (fates, _) = run_all(&tasks, ONE, |_| Verdict::FailedStopAll);
        assert_eq!(fates, [Fate::Failed, Fate::Blocked(0), Fate::NotStarted]);
    }

    #[test]
    fn nothing_starts_once_stopped() {
        let fates = run(&[task(&[]), task(&[0])], ONE, &|| true, &|_| unreachable!());
        assert_eq!(fates, [Fate::NotStarted; 2]);
    }

    #[test]
    fn no_tasks_is_no_work() {
        assert_eq!(run(&[], ONE, &|| false, &|_| unreachable!()), []);
    }

    #[test]
    fn a_panic_is_passed_on_and_nobody_waits_for_ever() {
        let tasks = [task(&[]), task(&[]), task(&[0])];
        let widths = Widths {
            builds: 2,
            fetches: 1,
        };
        let result = catch_unwind(|| {
            run(&tasks, widths, &|| false, &|number| match number {
                0 => panic!("on purpose"),
                _ => Verdict::Done,
            })
        });
        assert!(result.is_err());
    }

    proptest! {
        #[test]
        fn needs_come_first(edges in prop::collection::vec(prop::collection::vec(0usize..1000, 0..4), 1..60), threads in 1usize..5) {
            let tasks: Vec<Task> = edges.iter().enumerate().map(|(number, needs)| {
                let needs: BTreeSet<usize> = needs.iter().filter(|_| number > 0).map(|need| need % number.max(1)).collect();
                let lane = if number % 3 == 0 { Lane::Fetch } else { Lane::Build };
                Task { lane, needs: needs.into_iter().collect() }
            }).collect();
            let (fates, order) = run_all(&tasks, Widths { builds: threads, fetches: threads }, |_| Verdict::Done);
            prop_assert!(fates.iter().all(|fate| *fate == Fate::Done));
            let mut done = BTreeSet::new();
            // A task is noted when it starts; all that it needs must have ended, so have started, before.
            for number in order {
                prop_assert!(tasks[number].needs.iter().all(|need| done.contains(need)));
                done.insert(number);
            }
        }
    }
}
