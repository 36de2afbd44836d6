package journal

import (
	"fmt"
	"time"
)

// maxProblems is how many problems of a directory are remembered.
const maxProblems = 16

// Health returns how a durable journal is doing now.
func (j *Journal) Health() Health {
	if j.store == nil {
		return Health{}
	}
	j.mu.Lock()
	lives := j.earlierLives()
	unkept := j.unkept() != nil || j.active.file == nil || !j.active.kept
	shut := j.anyShut()
	j.mu.Unlock()

	st := j.store
	st.health.Lock()
	defer st.health.Unlock()
	h := Health{Dir: st.root, OnDisk: !unkept && (st.err == nil || st.full), Lives: lives, Since: st.since}
	for _, err := range st.problems {
		h.Problems = append(h.Problems, err.Error())
	}
	if st.err != nil && h.OnDisk { // until that is over, or the files that there are do not suffice
		h.Problems = append(h.Problems, fmt.Sprintf("files for further segments cannot be made: %v", st.err))
	} else if st.err != nil {
		h.Err = st.err.Error()
	}
	if shut && st.shutErr != nil {
		h.Problems = append(h.Problems, st.shutErr.Error()) // until that is over
	}
	return h
}

// inform calls onHealth. It is a goroutine of its own, as the custodian may hang in
// the disk that is to be told of, and nobody is to wait for what is called.
func (j *Journal) inform() {
	st := j.store
	defer close(st.informed)
	for {
		select {
		case <-st.news:
			j.tell()
		case <-st.done: // the custodian: nothing comes any more
			j.tell()
			return
		}
	}
}

// announce makes inform look at the health.
func (st *store) announce() {
	select {
	case st.news <- struct{}{}:
	default:
	}
}

// tell calls onHealth if what matters is not as it was told last. It is inform's.
func (j *Journal) tell() {
	st := j.store
	st.health.Lock()
	failed := st.untold
	st.untold = nil
	st.health.Unlock()
	h := j.Health() // after that: what fails from here on is told next time
	if failed != nil && h.Err == "" && st.told != inMemory {
		failed.Lives, failed.Problems = h.Lives, h.Problems
		st.told = inMemory
		st.onHealth(*failed) // though it is well again
	}
	st.health.Lock()
	problems, failing := len(st.problems), st.err != nil
	st.health.Unlock()
	now := well
	switch {
	case !h.OnDisk && h.Err == "":
		return // on its way back
	case !h.OnDisk:
		now = inMemory
	case failing:
		now = cramped
	}
	same := now == st.told || now == cramped && st.told == inMemory // it may be so again at any moment
	if same && problems == st.toldProblems {
		return
	}
	st.told, st.toldProblems = now, problems
	st.onHealth(h)
}

// condition is how a journal is doing.
type condition int

const (
	well     condition = iota
	cramped            // files for further segments cannot be made
	inMemory           // nor do those suffice that there are
)

// recovered says that the disk is well again.
func (st *store) recovered() {
	st.health.Lock()
	defer st.health.Unlock()
	st.err, st.full, st.since = nil, false, time.Now()
}

// complain remembers what is wrong with the directory, beside what keeps the
// journal in memory.
func (st *store) complain(err error) {
	st.health.Lock()
	defer st.health.Unlock()
	if len(st.problems) < maxProblems {
		st.problems = append(st.problems, err)
		st.announce()
	}
}
