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

// tell calls onHealth if what matters is not as it was told last. It is the
// custodian's.
func (j *Journal) tell() {
	st := j.store
	if st.onHealth == nil {
		return
	}
	h := j.Health()
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
	}
}
