//! Runs jobs that depend on each other on a bounded number of threads.
//!
//! Contract: a job starts only after all jobs it depends on have succeeded; a job whose
//! dependency failed is not started; everything else is finished whatever fails. Ready jobs are
//! taken in the order of their numbers. Pure apart from the threads: it knows nothing of paths.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// What became of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate<E> {
    Done,
    Failed(E),
    /// Not started, because this job (a direct dependency) did not succeed.
    Skipped(usize),
}

struct State<E> {
    ready: BTreeSet<usize>,
    /// How many dependencies of each job are still open.
    open: Vec<usize>,
    fates: Vec<Option<Fate<E>>>,
    running: usize,
}

/// An order in which every job stands after its dependencies, or a job on a cycle.
/// `dependencies` names jobs by number; numbers beyond the list are ignored.
pub(crate) fn sort(dependencies: &[BTreeSet<usize>]) -> Result<Vec<usize>, usize> {
    let dependents = invert(dependencies);
    let mut open = count_open(dependencies);
    let mut ready: BTreeSet<usize> = leaves(&open);
    let mut order = Vec::with_capacity(dependencies.len());
    while let Some(job) = ready.pop_first() {
        order.push(job);
        for dependent in dependents.get(job).into_iter().flatten() {
            if let Some(count) = open.get_mut(*dependent) {
                *count -= 1;
                if *count == 0 {
                    ready.insert(*dependent);
                }
            }
        }
    }
    match open.iter().position(|count| *count > 0) {
        None => Ok(order),
        Some(job) => Err(job),
    }
}

/// See the module. `dependencies` must be free of cycles (see [`sort`]); jobs on a cycle, and
/// those behind them, are not run and end as [`Fate::Skipped`].
pub(crate) fn run<E: Send>(
    dependencies: &[BTreeSet<usize>],
    threads: NonZeroUsize,
    work: &(dyn Fn(usize) -> Result<(), E> + Sync),
) -> Vec<Fate<E>> {
    let dependents = invert(dependencies);
    let open = count_open(dependencies);
    let state = Mutex::new(State {
        ready: leaves(&open),
        open,
        fates: dependencies.iter().map(|_| None).collect(),
        running: 0,
    });
    let wake = Condvar::new();
    std::thread::scope(|scope| {
        for _ in 0..threads.get().min(dependencies.len()) {
            scope.spawn(|| worker(&state, &wake, &dependents, work));
        }
    });
    let state = state.into_inner().unwrap_or_else(PoisonError::into_inner);
    state
        .fates
        .into_iter()
        .enumerate()
        .map(|(job, fate)| fate.unwrap_or(Fate::Skipped(job)))
        .collect()
}

fn worker<E: Send>(
    state: &Mutex<State<E>>,
    wake: &Condvar,
    dependents: &[BTreeSet<usize>],
    work: &(dyn Fn(usize) -> Result<(), E> + Sync),
) {
    let mut guard = lock(state);
    loop {
        let Some(job) = guard.ready.pop_first() else {
            if guard.running == 0 {
                wake.notify_all();
                return;
            }
            guard = wake.wait(guard).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        guard.running += 1;
        drop(guard);
        // A panic in `work` must not leave the other threads waiting for ever.
        let leave = Leave { state, wake };
        let result = work(job);
        std::mem::forget(leave);
        guard = lock(state);
        guard.running -= 1;
        guard.settle(job, result, dependents);
        wake.notify_all();
    }
}

/// Counts a thread out when `work` panics; the scope then passes the panic on.
struct Leave<'a, E> {
    state: &'a Mutex<State<E>>,
    wake: &'a Condvar,
}

impl<E> Drop for Leave<'_, E> {
    fn drop(&mut self) {
        lock(self.state).running -= 1;
        self.wake.notify_all();
    }
}

impl<E> State<E> {
    fn settle(&mut self, job: usize, result: Result<(), E>, dependents: &[BTreeSet<usize>]) {
        let fate = match result {
            Ok(()) => Fate::Done,
            Err(error) => Fate::Failed(error),
        };
        let mut settled = vec![(job, fate)];
        while let Some((job, fate)) = settled.pop() {
            let done = matches!(fate, Fate::Done);
            match self.fates.get_mut(job) {
                Some(slot @ None) => *slot = Some(fate),
                _ => continue,
            }
            for dependent in dependents.get(job).into_iter().flatten() {
                if !done {
                    settled.push((*dependent, Fate::Skipped(job)));
                } else if let Some(count) = self.open.get_mut(*dependent) {
                    *count -= 1;
                    if *count == 0 {
                        self.ready.insert(*dependent);
                    }
                }
            }
        }
    }
}

fn lock<E>(state: &Mutex<State<E>>) -> MutexGuard<'_, State<E>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn invert(dependencies: &[BTreeSet<usize>]) -> Vec<BTreeSet<usize>> {
    let mut dependents = vec![BTreeSet::new(); dependencies.len()];
    for (job, needs) in dependencies.iter().enumerate() {
        for need in needs {
            if let Some(set) = dependents.get_mut(*need) {
                set.insert(job);
            }
        }
    }
    dependents
}

fn count_open(dependencies: &[BTreeSet<usize>]) -> Vec<usize> {
    let jobs = dependencies.len();
    dependencies
        .iter()
        .map(|needs| needs.range(..jobs).count())
        .collect()
}

fn leaves(open: &[usize]) -> BTreeSet<usize> {
    open.iter()
        .enumerate()
        .filter(|(_, count)| **count == 0)
        .map(|(job, _)| job)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Random graphs without cycles: each job depends on earlier ones, then numbers are shuffled.
    fn graphs() -> impl Strategy<Value = Vec<BTreeSet<usize>>> {
        (1_usize..25)
            .prop_flat_map(|jobs| {
                let rows: Vec<_> = (0..jobs)
                    .map(|job| {
                        proptest::collection::btree_set(0..jobs.max(1), 0..4).prop_map(
                            move |needs| {
                                needs
                                    .into_iter()
                                    .filter(|need| *need < job)
                                    .collect::<BTreeSet<_>>()
                            },
                        )
                    })
                    .collect();
                (rows, Just((0..jobs).collect::<Vec<_>>()).prop_shuffle())
            })
            .prop_map(|(rows, names)| {
                let mut graph = vec![BTreeSet::new(); rows.len()];
                for (job, needs) in rows.iter().enumerate() {
                    graph[names[job]] = needs.iter().map(|need| names[*need]).collect();
                }
                graph
            })
    }

    proptest! {
        #[test]
        fn sorted_jobs_follow_what_they_need(graph in graphs()) {
            let order = sort(&graph);
            let order = order.map_err(|job| TestCaseError::fail(format!("cycle at {job}")))?;
            let mut seen = BTreeSet::new();
            for job in &order {
                prop_assert!(graph[*job].is_subset(&seen));
                seen.insert(*job);
            }
            prop_assert_eq!(seen.len(), graph.len());
        }

        #[test]
        fn runs_each_job_once_after_its_needs(
            graph in graphs(),
            bad in proptest::collection::btree_set(0_usize..25, 0..3),
            threads in 1_usize..6,
        ) {
            let done = Mutex::new(BTreeSet::new());
            let early = Mutex::new(Vec::new());
            let threads = NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN);
            let fates = run(&graph, threads, &|job| {
                let mut done = done.lock().unwrap();
                if !graph[job].is_subset(&done) || !(bad.contains(&job) || done.insert(job)) {
                    early.lock().unwrap().push(job);
                }
                if bad.contains(&job) { Err(job) } else { Ok(()) }
            });
            prop_assert_eq!(early.into_inner().unwrap(), Vec::<usize>::new());
            for (job, fate) in fates.iter().enumerate() {
                let blocked = graph[job].iter().any(|need| fates[*need] != Fate::Done);
                match fate {
                    Fate::Done => prop_assert!(!blocked && !bad.contains(&job)),
                    Fate::Failed(error) => prop_assert!(!blocked && bad.contains(&job) && *error == job),
                    Fate::Skipped(need) => {
                        prop_assert!(graph[job].contains(need) && fates[*need] != Fate::Done);
                    }
                }
            }
        }
    }

    #[test]
    fn cycles_are_found_and_never_hang() {
        let graph = [BTreeSet::from([1]), BTreeSet::from([0]), BTreeSet::new()];
        assert_eq!(sort(&graph), Err(0));
        let fates = run::<()>(&graph, NonZeroUsize::MIN, &|_| Ok(()));
        assert_eq!(fates[2], Fate::Done);
        assert!(matches!(fates[0], Fate::Skipped(_)), "{fates:?}");
    }

    #[test]
    fn a_panic_ends_all_threads() {
        let graph = vec![BTreeSet::new(); 8];
        let threads = NonZeroUsize::new(4).unwrap_or(NonZeroUsize::MIN);
        let result = std::panic::catch_unwind(|| {
            run::<()>(&graph, threads, &|job| {
                if job == 3 {
                    panic!("on purpose")
                } else {
                    Ok(())
                }
            })
        });
        assert!(result.is_err());
    }
}
