//! The edit script: which lines of two files are changed.
//!
//! Contract: the same lines as GNU diff chooses. Lines without a partner are set aside, and so are
//! many of those that have too many; Myers' search from both ends splits the rest; then every run
//! of changes is moved to where it meets its neighbours, or as far down as it goes.
//!
//! Counterpart: gnulib's `diffseq.h`, and diffutils' `analyze.c`.

use super::lines::Text;

/// From this cost on a split is taken that may not be the best.
const MIN_EXPENSIVE: isize = 4096;

/// Lines of the first file that are replaced by lines of the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// First line that is gone (from 0).
    pub from: usize,
    /// How many are gone.
    pub gone: usize,
    /// First line that is new.
    pub to: usize,
    /// How many are new.
    pub new: usize,
    /// Only of lines that do not count (`-B`, `-I`).
    pub trivial: bool,
}

/// The changes, in order.
pub fn changes(texts: &[Text<'_>; 2]) -> Vec<Change> {
    let [one, two] = texts;
    let mut changed = [
        vec![false; one.classes.len()],
        vec![false; two.classes.len()],
    ];
    let kept = set_aside(&one.classes, &two.classes, &mut changed);
    let mut search = Search::new(&kept, &one.classes, &two.classes);
    search.run(&mut changed);
    let [left, right] = &mut changed;
    shift(&one.classes, left, right);
    shift(&two.classes, right, left);
    collect(texts, &changed)
}

fn collect(texts: &[Text<'_>; 2], changed: &[Vec<bool>; 2]) -> Vec<Change> {
    let [one, two] = texts;
    let is = |side: usize, at: usize| {
        changed
            .get(side)
            .and_then(|it| it.get(at))
            .copied()
            .unwrap_or(false)
    };
    let mut all = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < one.classes.len() || j < two.classes.len() {
        if !is(0, i) && !is(1, j) {
            i += 1;
            j += 1;
            continue;
        }
        let (from, to) = (i, j);
        while is(0, i) {
            i += 1;
        }
        while is(1, j) {
            j += 1;
        }
        all.push(Change {
            from: from + one.middle.start,
            gone: i - from,
            to: to + two.middle.start,
            new: j - to,
            trivial: false,
        });
    }
    all
}

/// Roughly the square root, by powers of two.
fn root(mut number: usize, start: usize) -> usize {
    let mut root = start;
    loop {
        number >>= 2;
        if number == 0 {
            return root;
        }
        root *= 2;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Keep,
    Drop,
    /// Dropped if its neighbours are.
    Perhaps,
}

/// Marks lines that cannot or need not be matched as changed; gives the places of the others.
fn set_aside(one: &[usize], two: &[usize], changed: &mut [Vec<bool>; 2]) -> [Vec<usize>; 2] {
    let classes = one.iter().chain(two).max().map_or(0, |it| it + 1);
    let count = |lines: &[usize]| {
        let mut counts = vec![0usize; classes];
        for class in lines {
            if let Some(count) = counts.get_mut(*class) {
                *count += 1;
            }
        }
        counts
    };
    let counts = [count(two), count(one)];
    let mut kept = [Vec::new(), Vec::new()];
    for (((lines, counts), changed), kept) in [one, two]
        .into_iter()
        .zip(&counts)
        .zip(changed)
        .zip(&mut kept)
    {
        let many = root(lines.len() / 64, 5);
        let mut marks: Vec<Mark> = lines
            .iter()
            .map(|class| match counts.get(*class) {
                Some(0) => Mark::Drop,
                Some(count) if *count > many => Mark::Perhaps,
                _ => Mark::Keep,
            })
            .collect();
        decide(&mut marks);
        for (at, mark) in marks.iter().enumerate() {
            if *mark == Mark::Keep {
                kept.push(at);
            } else if let Some(changed) = changed.get_mut(at) {
                *changed = true;
            }
        }
    }
    kept
}

/// Keeps those perhaps-lines that are not well inside of a run of dropped ones.
fn decide(marks: &mut [Mark]) {
    let mut i = 0;
    while i < marks.len() {
        match marks[i] {
            Mark::Keep => i += 1,
            Mark::Perhaps => {
                marks[i] = Mark::Keep;
                i += 1;
            }
            Mark::Drop => {
                let mut end = i;
                while end < marks.len() && marks[end] != Mark::Keep {
                    end += 1;
                }
                while end > i && marks[end - 1] == Mark::Perhaps {
                    end -= 1;
                    marks[end] = Mark::Keep;
                }
                decide_run(&mut marks[i..end]);
                i = end;
            }
        }
    }
}

/// A run that starts and ends with dropped lines.
fn decide_run(run: &mut [Mark]) {
    let perhaps = run.iter().filter(|it| **it == Mark::Perhaps).count();
    if perhaps * 4 > run.len() {
        for mark in run.iter_mut().filter(|it| **it == Mark::Perhaps) {
            *mark = Mark::Keep;
        }
        return;
    }
    let least = root(run.len() / 4, 1) + 1;
    // Long enough series of perhaps-lines are kept.
    let mut j = 0;
    while j < run.len() {
        let mut end = j;
        while end < run.len() && run[end] == Mark::Perhaps {
            end += 1;
        }
        if end - j >= least {
            run[j..end].fill(Mark::Keep);
        }
        j = end.max(j + 1);
    }
    // And those near either end, until three dropped lines follow each other.
    for backwards in [false, true] {
        let mut series = 0;
        for step in 0..run.len() {
            let at = if backwards {
                run.len() - 1 - step
            } else {
                step
            };
            if step >= 8 && run[at] == Mark::Drop {
                break;
            }
            match run[at] {
                Mark::Perhaps => {
                    series = 0;
                    run[at] = Mark::Keep;
                }
                Mark::Keep => series = 0,
                Mark::Drop => series += 1,
            }
            if series == 3 {
                break;
            }
        }
    }
}

/// Part of both files, and whether its script must be the shortest.
#[derive(Clone, Copy)]
struct Area {
    x: (isize, isize),
    y: (isize, isize),
    minimal: bool,
}

struct Search<'a> {
    kept: &'a [Vec<usize>; 2],
    x: Vec<usize>,
    y: Vec<usize>,
    /// Farthest x on each diagonal, from the start and from the end.
    forward: Vec<isize>,
    backward: Vec<isize>,
    /// What is added to a diagonal's number.
    offset: isize,
    expensive: isize,
}

impl<'a> Search<'a> {
    fn new(kept: &'a [Vec<usize>; 2], one: &[usize], two: &[usize]) -> Search<'a> {
        let pick = |places: &[usize], lines: &[usize]| -> Vec<usize> {
            places
                .iter()
                .filter_map(|at| lines.get(*at).copied())
                .collect()
        };
        let (x, y) = (pick(&kept[0], one), pick(&kept[1], two));
        let diagonals = x.len() + y.len() + 3;
        // The cost from which a split is good enough: about the root of the number of diagonals.
        let mut expensive = 1;
        let mut left = diagonals;
        while left != 0 {
            expensive <<= 1;
            left >>= 2;
        }
        Search {
            kept,
            offset: y.len() as isize + 1,
            forward: vec![0; diagonals],
            backward: vec![0; diagonals],
            expensive: MIN_EXPENSIVE.max(expensive),
            x,
            y,
        }
    }

    fn same(&self, x: isize, y: isize) -> bool {
        self.x[x as usize] == self.y[y as usize]
    }

    /// Marks what is changed. The areas are on a stack of their own, the first on top.
    fn run(&mut self, changed: &mut [Vec<bool>; 2]) {
        let mut areas = vec![Area {
            x: (0, self.x.len() as isize),
            y: (0, self.y.len() as isize),
            minimal: false,
        }];
        while let Some(mut area) = areas.pop() {
            while area.x.0 < area.x.1 && area.y.0 < area.y.1 && self.same(area.x.0, area.y.0) {
                area.x.0 += 1;
                area.y.0 += 1;
            }
            while area.x.0 < area.x.1
                && area.y.0 < area.y.1
                && self.same(area.x.1 - 1, area.y.1 - 1)
            {
                area.x.1 -= 1;
                area.y.1 -= 1;
            }
            if area.x.0 == area.x.1 {
                for at in area.y.0..area.y.1 {
                    changed[1][self.kept[1][at as usize]] = true;
                }
            } else if area.y.0 == area.y.1 {
                for at in area.x.0..area.x.1 {
                    changed[0][self.kept[0][at as usize]] = true;
                }
            } else {
                let (x, y, low, high) = self.middle(&area);
                areas.push(Area {
                    x: (x, area.x.1),
                    y: (y, area.y.1),
                    minimal: high,
                });
                areas.push(Area {
                    x: (area.x.0, x),
                    y: (area.y.0, y),
                    minimal: low,
                });
            }
        }
    }

    fn fd(&mut self, diagonal: isize) -> &mut isize {
        &mut self.forward[(diagonal + self.offset) as usize]
    }

    fn bd(&mut self, diagonal: isize) -> &mut isize {
        &mut self.backward[(diagonal + self.offset) as usize]
    }

    /// A point that a shortest script goes through, and whether both halves must be minimal.
    fn middle(&mut self, area: &Area) -> (isize, isize, bool, bool) {
        let ((x0, x1), (y0, y1)) = (area.x, area.y);
        let (least, most) = (x0 - y1, x1 - y0);
        let (start, end) = (x0 - y0, x1 - y1);
        let (mut fmin, mut fmax, mut bmin, mut bmax) = (start, start, end, end);
        let odd = (start - end) & 1 != 0;
        *self.fd(start) = x0;
        *self.bd(end) = x1;
        let mut cost = 0;
        loop {
            cost += 1;
            if fmin > least {
                fmin -= 1;
                *self.fd(fmin - 1) = -1;
            } else {
                fmin += 1;
            }
            if fmax < most {
                fmax += 1;
                *self.fd(fmax + 1) = -1;
            } else {
                fmax -= 1;
            }
            let mut d = fmax;
            while d >= fmin {
                let (low, high) = (*self.fd(d - 1), *self.fd(d + 1));
                let mut x = if low < high { high } else { low + 1 };
                while x < x1 && x - d < y1 && self.same(x, x - d) {
                    x += 1;
                }
                *self.fd(d) = x;
                if odd && bmin <= d && d <= bmax && *self.bd(d) <= x {
                    return (x, x - d, true, true);
                }
                d -= 2;
            }
            if bmin > least {
                bmin -= 1;
                *self.bd(bmin - 1) = isize::MAX;
            } else {
                bmin += 1;
            }
            if bmax < most {
                bmax += 1;
                *self.bd(bmax + 1) = isize::MAX;
            } else {
                bmax -= 1;
            }
            let mut d = bmax;
            while d >= bmin {
                let (low, high) = (*self.bd(d - 1), *self.bd(d + 1));
                let mut x = if low < high { low } else { high - 1 };
                while x0 < x && y0 < x - d && self.same(x - 1, x - d - 1) {
                    x -= 1;
                }
                *self.bd(d) = x;
                if !odd && fmin <= d && d <= fmax && x <= *self.fd(d) {
                    return (x, x - d, true, true);
                }
                d -= 2;
            }
            if !area.minimal && cost >= self.expensive {
                return self.give_up(area, (fmin, fmax), (bmin, bmax));
            }
        }
    }

    /// The farthest point that either search has reached.
    fn give_up(
        &mut self,
        area: &Area,
        (fmin, fmax): (isize, isize),
        (bmin, bmax): (isize, isize),
    ) -> (isize, isize, bool, bool) {
        let ((x0, x1), (y0, y1)) = (area.x, area.y);
        let (mut best, mut best_x) = (-1, x0);
        let mut d = fmax;
        while d >= fmin {
            let mut x = (*self.fd(d)).min(x1);
            if y1 < x - d {
                x = y1 + d;
            }
            if best < x + x - d {
                best = x + x - d;
                best_x = x;
            }
            d -= 2;
        }
        let (mut back, mut back_x) = (isize::MAX, x1);
        let mut d = bmax;
        while d >= bmin {
            let mut x = (*self.bd(d)).max(x0);
            if x - d < y0 {
                x = y0 + d;
            }
            if x + x - d < back {
                back = x + x - d;
                back_x = x;
            }
            d -= 2;
        }
        if x1 + y1 - back < best - (x0 + y0) {
            (best_x, best - best_x, true, false)
        } else {
            (back_x, back - back_x, false, true)
        }
    }
}

/// Moves the runs of changes of one file.
fn shift(classes: &[usize], changed: &mut [bool], other: &[bool]) {
    let end = classes.len();
    let is = |flags: &[bool], at: usize| flags.get(at).copied().unwrap_or(false);
    // The flag before a place; before the first there is none.
    let before = |flags: &[bool], at: usize| at > 0 && is(flags, at - 1);
    let (mut i, mut j) = (0, 0);
    loop {
        while i < end && !is(changed, i) {
            while is(other, j) {
                j += 1;
            }
            j += 1;
            i += 1;
        }
        if i == end {
            return;
        }
        let mut start = i;
        while is(changed, i) {
            i += 1;
        }
        while is(other, j) {
            j += 1;
        }
        let mut meets;
        loop {
            let length = i - start;
            // Up, as long as the line before equals the last one; this joins runs.
            while start > 0 && classes[start - 1] == classes[i - 1] {
                start -= 1;
                changed[start] = true;
                i -= 1;
                changed[i] = false;
                while before(changed, start) {
                    start -= 1;
                }
                j = j.saturating_sub(1);
                while is(other, j) {
                    j = j.saturating_sub(1);
                }
            }
            meets = if before(other, j) { i } else { end };
            // Down, as long as the line after equals the first one.
            while i != end && classes[start] == classes[i] {
                changed[start] = false;
                start += 1;
                changed[i] = true;
                i += 1;
                while is(changed, i) {
                    i += 1;
                }
                j += 1;
                while is(other, j) {
                    meets = i;
                    j += 1;
                }
            }
            if length == i - start {
                break;
            }
        }
        // Back to where the other file changes too.
        while meets < i {
            start -= 1;
            changed[start] = true;
            i -= 1;
            changed[i] = false;
            j = j.saturating_sub(1);
            while is(other, j) {
                j = j.saturating_sub(1);
            }
        }
    }
}
