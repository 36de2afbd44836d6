package journal

import "time"

// maxProblems is how many problems of a directory are remembered.
const maxProblems = 16

// Health returns how a durable journal is doing now.
func (j *Journal) Health() Health {
	if j.store == nil {
		return Health{}
	}
	j.mu.Lock()
	lives := j.earlierLives()
	unkept := j.unkept() != nil || j.active.file == nil
	shut := j.anyShut()
	j.mu.Unlock()

	st := j.store
	st.health.Lock()
	defer st.health.Unlock()
	h := Health{Dir: st.root, OnDisk: st.err == nil && !unkept, Lives: lives, Since: st.since}
	if st.err != nil {
		h.Err = st.err.Error()
	}
	for _, err := range st.problems {
		h.Problems = append(h.Problems, err.Error())
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
	if failed != nil && h.Err == "" && st.toldOnDisk {
		failed.Lives, failed.Problems = h.Lives, h.Problems
		st.toldOnDisk = false
		st.onHealth(*failed) // though it is well again
	}
	if !h.OnDisk && h.Err == "" {
		return // on its way back
	}
	st.health.Lock()
	problems := len(st.problems)
	st.health.Unlock()
	if h.OnDisk == st.toldOnDisk && problems == st.toldProblems {
		return
	}
	st.toldOnDisk, st.toldProblems = h.OnDisk, problems
	st.onHealth(h)
}

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
