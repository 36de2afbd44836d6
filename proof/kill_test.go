//go:build unix

package proof

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// Most records that are in flight for a sink of a chain.
const window = 64

// chain is one service whose processes end one after the other, on one directory.
type chain struct {
	t      *testing.T
	random *rand.Rand
	oracle *oracle
	dir    string
	out    string
	runs   int
}

func newChain(t *testing.T, r *rand.Rand) *chain {
	out := t.TempDir()
	return &chain{t: t, random: r, oracle: newOracle(window, "a", "b"), dir: filepath.Join(out, "journal"), out: out}
}

// plan returns a plan for the next process. Segments are small, so that there are
// many, and the limit is so large that nothing is evicted.
func (c *chain) plan(modes ...mode) plan {
	c.runs++
	p := plan{
		Dir: c.dir, SegmentBytes: 32 << 10, MaxBytes: 256 << 20, Out: c.out,
		BatchRecords: window, Run: c.runs, Producers: 8, End: awaitsKill,
	}
	for i, name := range []string{"a", "b"} {
		p.Sinks = append(p.Sinks, sinkPlan{Name: name, Mode: modes[i]})
	}
	return p
}

// anyMode returns a sink's behaviour: well more often than not, or what is left over
// would only grow.
func (c *chain) anyMode() mode {
	return []mode{good, good, good, good, good, slow, failing, hung}[c.random.IntN(8)]
}

// someRecords returns a number from 1 to most, small ones as often as large ones.
func (c *chain) someRecords(most int) uint64 {
	n := most
	for range c.random.IntN(12) {
		n /= 2
	}
	return 1 + c.random.Uint64N(uint64(max(1, n)))
}

// atRandom runs a process and kills it: on its way to being ready, or later.
func (c *chain) atRandom() {
	run := start(c.t, "", c.plan(c.anyMode(), c.anyMode()))
	if c.random.IntN(4) == 0 {
		time.Sleep(time.Duration(c.random.Int64N(int64(30 * time.Millisecond)))) // the moment is what is tried
	} else {
		after := c.someRecords(20_000)
		run.until(time.Second, func() bool { return run.acked >= after })
	}
	run.kill()
	c.oracle.ended(run)
}

// last runs a process that delivers what is left, and compares.
func (c *chain) last() {
	c.t.Helper()
	p := c.plan(good, good)
	p.Records, p.End = 10, closes
	run := start(c.t, "", p)
	stats := run.ledger()
	c.oracle.ended(run)
	c.oracle.complete(stats)
	c.leaves()
}

// leaves checks that the directories of the lives that are drained are gone: the last
// process's alone is there.
func (c *chain) leaves() {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		c.oracle.fault("%v", err)
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		return !e.IsDir() || len(strings.TrimPrefix(e.Name(), ".")) != 32
	})
	if len(entries) > 1 {
		c.oracle.fault("%d lives are left in the directory", len(entries))
	}
}

// check reports what was found.
func (c *chain) check() {
	c.t.Helper()
	c.t.Log(c.oracle)
	for _, f := range c.oracle.faults {
		c.t.Error(f)
	}
}

func TestNoAcceptedRecordIsLostToKillsAtRandomMoments(t *testing.T) {
	c := newChain(t, random(t))
	for range scaled(500) {
		c.atRandom()
	}
	c.last()
	c.check()
}

// The points at which a process can be made to kill itself, with how often they are
// passed at most before it does.
var passes = map[string]int{
	"append.reserved": 5000, "append.filled": 5000, "append.published": 5000,
	"segment.created": 8, "segment.allocated": 8, "segment.unlinked": 4,
	"rotate.header": 30, "rotate.installed": 30,
	"cursor.slot": 300, "cursor.stored": 300,
	"life.created": 1, "life.renamed": 1, "life.claimed": 1, "fold.written": 1, "life.removing": 4,
	"rewrite.frames": 3,
}

// pointsInSource are the points that the source below a directory has.
func pointsInSource(t *testing.T, dir string) []string {
	t.Helper()
	call := regexp.MustCompile(`crash\.Point\("([^"]+)"\)`)
	found := make(map[string]bool)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range call.FindAllSubmatch(text, -1) {
			found[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(found))
}

func TestNoAcceptedRecordIsLostToKillsAtEveryPoint(t *testing.T) {
	points := pointsInSource(t, "../journal")
	if want := slices.Sorted(maps.Keys(passes)); !slices.Equal(points, want) {
		t.Errorf("the journal has the points\n%q, want\n%q", points, want)
	}
	binary := built.build(t, "crashpoints")
	t.Run("on a disk that is well", func(t *testing.T) {
		points := slices.DeleteFunc(slices.Clone(points), needsStarving)
		newChain(t, random(t)).atPoints(binary, points, scaled(480))
	})
	t.Run("on a disk that was away", func(t *testing.T) {
		points := slices.DeleteFunc(slices.Clone(points), func(p string) bool { return !needsStarving(p) })
		c := newChain(t, random(t))
		c.oracle.starved = true
		c.atPoints(binary, points, scaled(20))
	})
}

// needsStarving says that a point is passed only when the disk was away for a while.
func needsStarving(point string) bool { return strings.HasPrefix(point, "rewrite.") }

// atPoints kills about kills processes, at each point as many. A point may be missed
// now and then; each is to be hit ten times in full.
func (c *chain) atPoints(binary string, points []string, kills int) {
	hits := make(map[string]int)
	for range kills/len(points) + 1 {
		for _, point := range points {
			c.atPoint(binary, point, passes[point], hits)
		}
	}
	for _, point := range points {
		for tries := 0; hits[point] < scaled(10) && tries < 6*scaled(10); tries++ {
			c.atPoint(binary, point, max(1, passes[point]>>(tries+1)), hits) // a process whose sinks are ill comes there seldom
		}
		if hits[point] < scaled(10) {
			c.t.Errorf("%s was hit %d times", point, hits[point])
		}
	}
	c.last()
	for _, point := range points {
		c.t.Logf("%-18s %d kills", point, hits[point])
	}
	c.check()
}

// crashAt returns the environment of a process that kills itself at the given pass of
// a point, and makes the file mark just before.
func crashAt(point string, pass int, mark string) []string {
	return []string{"FAPILOG_CRASH_AT=" + point, fmt.Sprintf("FAPILOG_CRASH_AFTER=%d", pass), "FAPILOG_CRASH_MARK=" + mark}
}

// atPoint runs a process that is to kill itself at one of the first passes of a point, and
// counts if it has.
func (c *chain) atPoint(binary, point string, passes int, hits map[string]int) {
	modes := []mode{c.anyMode(), c.anyMode()}
	p := c.plan(modes...)
	switch {
	case needsStarving(point):
		p.Starve = true
		p.Sinks[1].Mode = hung // what nobody has read needs new segments, so that the lack of files is felt
		p.Pause = 2 * time.Millisecond
	case strings.HasPrefix(point, "life."), strings.HasPrefix(point, "fold."), point == "segment.unlinked":
		p.Sinks[0].Mode, p.Sinks[1].Mode = good, good // earlier lives are to be drained
		p.Pause = 100 * time.Microsecond
	}
	mark := filepath.Join(c.out, "mark")
	run := start(c.t, binary, p, crashAt(point, 1+c.random.IntN(passes), mark)...)
	patience := time.Second
	if p.Starve {
		patience = 10 * time.Second // the journal looks every few seconds whether it can go back
	}
	run.until(patience, func() bool { return run.acked >= 100_000 })
	run.kill()
	if err := os.Remove(mark); err == nil {
		hits[point]++
	}
	c.oracle.ended(run)
}

func TestNoAcceptedRecordIsLostToTheProcessEndingItself(t *testing.T) {
	for _, how := range []struct {
		end    ending
		status int
	}{{exits, 3}, {fatal, 1}, {panics, 2}} {
		t.Run(string(how.end), func(t *testing.T) {
			c := newChain(t, random(t))
			for range scaled(100) {
				p := c.plan(c.anyMode(), c.anyMode())
				p.End, p.After = how.end, c.someRecords(5_000)
				run := start(t, "", p)
				if got := run.wait().ExitStatus(); got != how.status {
					t.Fatalf("the child ended with status %d, want %d:\n%s", got, how.status, run.stderr.String())
				}
				c.oracle.ended(run)
			}
			c.last()
			c.check()
		})
	}
}

// The oracle is of use only if it finds what is wrong: a journal that publishes a
// record before it has copied it, and a program that takes a record for accepted too
// early.
func TestOracleFindsWhatIsWrong(t *testing.T) {
	t.Run("a record is published before it is copied", func(t *testing.T) {
		// A reader sees it if the goroutine that copies has lost its processor just
		// then. So: long records, no system call after each, and time.
		newChain(t, random(t)).findsFault(built.build(t, "publishfirst"), func(p *plan) { p.Large, p.Quiet = true, true })
	})
	t.Run("a record is taken for accepted before it is", func(t *testing.T) {
		newChain(t, random(t)).findsFault("", func(p *plan) { p.Early = true })
	})
}

// findsFault kills processes that do something wrong, fewer than those that do not,
// until the oracle has found it.
func (c *chain) findsFault(binary string, change func(*plan)) {
	c.t.Helper()
	for range 50 {
		p := c.plan(good, good)
		change(&p)
		run := start(c.t, binary, p)
		run.until(time.Second, func() bool { return run.acked+run.got[0] >= 100_000 })
		run.kill()
		c.oracle.ended(run)
		c.last() // what is missing is known when all else is there
		if len(c.oracle.faults) > 0 {
			c.t.Logf("found after %d kills: %s", (c.oracle.kills+1)/2, c.oracle.faults[0])
			return
		}
	}
	c.t.Errorf("not found: %v", c.oracle)
}

func TestTwoProcessesOnOneDirectoryLoseNothing(t *testing.T) {
	c := newChain(t, random(t))
	c.oracle.concurrent = true
	for range scaled(100) {
		var both []*process
		for _, name := range []string{"one", "other"} {
			p := c.plan(c.anyMode(), c.anyMode())
			p.Out = filepath.Join(c.out, name) // each has files of its own
			if err := os.MkdirAll(p.Out, 0o700); err != nil {
				t.Fatal(err)
			}
			both = append(both, start(t, "", p))
		}
		after := c.someRecords(5_000)
		for _, run := range both {
			run.until(time.Second, func() bool { return run.acked >= after })
		}
		for _, run := range both {
			run.kill()
		}
		for _, run := range both {
			c.oracle.ended(run)
		}
	}
	c.last()
	c.check()
}
