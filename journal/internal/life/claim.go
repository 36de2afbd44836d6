package life

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/fapilog/fapilog/internal/crash"
	"github.com/fapilog/fapilog/journal/internal/disk"
)

// Found is what [Claim] has found in a journal's directory.
type Found struct {
	Dead     []*Dead // by Created and then id
	Latest   int64   // when the last of all lives began, those of running processes too, in Unix nanoseconds; 0: none says
	Problems []error // what is damaged or left alone: newer lives, another user's, and those that cannot be read at present
}

// Claim locks the lives in root that no process has, the oldest first and at most as
// many as most, and returns them. A life takes a descriptor for as long as it is
// locked: with too few of them it makes do with fewer lives. It removes those that a
// carried names, and what is left of lives that were being made or removed.
// Carried.Lives of what it returns are those of the named that are still there.
//
// An error says that root cannot be read, or not what has been drained already;
// nothing is claimed then.
func Claim(fsys disk.FS, root string, most int) (Found, error) {
	there, err := list(fsys, root)
	if err != nil {
		return Found{}, err
	}
	for _, name := range there.staged {
		sweep(fsys, filepath.Join(root, name))
	}
	c := &claim{fsys: fsys, root: root, Found: Found{Problems: there.refused}}
	c.lockOldest(there.lives, most)
	// Not before the locks are had: a running process writes its carried before
	// it unlocks the life that this names.
	named, err := c.named()
	for disk.Starved(err) && len(c.locked) > 1 {
		c.shed(len(c.locked)/2, err)
		named, err = c.named()
	}
	if err != nil {
		release(c.locked)
		return Found{}, err
	}
	for i := 0; i < len(c.locked); i++ { // which may become fewer
		if l := c.locked[i]; named[l.Name()] {
			c.tell(l.Remove())
		} else {
			c.examine(i)
		}
	}
	c.tellOfLeft()
	for _, d := range c.Dead {
		d.Carried.Lives = slices.DeleteFunc(d.Carried.Lives, c.gone)
		c.Latest = max(c.Latest, d.Created)
	}
	slices.SortFunc(c.Dead, func(a, b *Dead) int {
		return cmp.Or(cmp.Compare(a.Created, b.Created), cmp.Compare(a.Name(), b.Name()))
	})
	return c.Found, nil
}

// claim is one call of [Claim].
type claim struct {
	fsys   disk.FS
	root   string
	locked []*lockedLife
	left   int   // lives that were not tried, or were let go of again
	lack   error // why, if it was not for the limit
	Found
}

type lockedLife struct {
	*Life
	made bool // the lock file was missing, and is ours
}

func (c *claim) tell(err error) {
	if err != nil {
		c.Problems = append(c.Problems, err)
	}
}

// lockOldest locks the oldest lives of these names, at most as many as most.
func (c *claim) lockOldest(names []string, most int) {
	names = c.inOrder(names)
	for len(names) > 0 && len(c.locked) < most {
		if err := c.lock(names[0]); err != nil {
			c.shed(len(c.locked)/2, err)
			break
		}
		names = names[1:]
	}
	c.left += len(names)
}

// inOrder returns the names of lives in the order in which these began.
func (c *claim) inOrder(names []string) []string {
	at := make(map[string]int64, len(names))
	for _, name := range names {
		at[name] = beganAt(c.fsys, filepath.Join(c.root, name))
		c.Latest = max(c.Latest, at[name])
	}
	return slices.SortedStableFunc(slices.Values(names), func(a, b string) int { return cmp.Compare(at[a], at[b]) })
}

// lock locks the life of that name if it is dead. The error says that there are too
// few descriptors for that.
func (c *claim) lock(name string) error {
	id, _, _ := parseName(name)
	l := &lockedLife{Life: &Life{ID: id, Dir: filepath.Join(c.root, name), fsys: c.fsys}}
	var err error
	if l.Life.lock, l.made, err = openLock(c.fsys, l.Dir); err != nil {
		if disk.Starved(err) {
			return err
		}
		c.tell(leftAlone(l.Dir, unless(err, fs.ErrNotExist, fs.ErrExist)))
		return nil
	}
	locked, err := l.Life.lock.TryLock()
	if err == nil && locked {
		locked, err = l.Present() // not if it was removed before it was locked
	}
	if err != nil || !locked {
		l.Release()
		c.tell(leftAlone(l.Dir, err))
		return nil
	}
	crash.Point("life.claimed")
	c.locked = append(c.locked, l)
	return nil
}

// shed lets go of all locked lives but the oldest n, for lack of descriptors.
func (c *claim) shed(n int, lack error) {
	c.left += len(c.locked) - n
	c.lack = lack
	release(c.locked[n:])
	c.locked = c.locked[:n]
}

// tellOfLeft tells of lives that are left to the next process.
func (c *claim) tellOfLeft() {
	if c.left == 0 {
		return
	}
	err := fmt.Errorf("%s: the oldest %d lives are drained, as each takes a descriptor; what others have left waits for the next process", c.root, len(c.Dead))
	if c.lack != nil {
		err = fmt.Errorf("%w: %w", err, c.lack)
	}
	c.tell(err)
}

// openLock opens a life's lock file, and makes it where somebody has deleted it.
// A directory in which nothing is ours, as is left where a life had foreign files
// in it, gets none, and is removed if it is empty: the error matches
// [fs.ErrNotExist].
func openLock(fsys disk.FS, dir string) (f disk.File, made bool, err error) {
	path := filepath.Join(dir, lockName)
	f, err = fsys.Open(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, false, err
	}
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return nil, false, err
	}
	if !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return kindOf(e) != foreign }) {
		fsys.Remove(dir)
		return nil, false, fs.ErrNotExist
	}
	f, err = fsys.Create(path)
	return f, true, err
}

func leftAlone(dir string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s is left alone: %w", dir, err)
}

// maxRounds bounds the readings of all carried. Each but the last one has met with
// lives that came or went.
const maxRounds = 64

// named returns the ids that any carried names. Who drains a life writes what
// that carried into his own carried and then removes it, so it can be missed in
// both: his is read too early and the other too late. Then the list of lives has
// changed, and everything is read again.
func (c *claim) named() (map[string]bool, error) {
	named := map[string]bool{}
	before, err := list(c.fsys, c.root)
	for range maxRounds {
		if err != nil {
			return nil, err
		}
		for _, name := range before.lives {
			carried, readErr := ReadCarried(c.fsys, filepath.Join(c.root, name))
			if disk.Starved(readErr) {
				// It may name lives that are here: drained again, they would be
				// counted twice.
				return nil, readErr
			}
			// A running process's other errors are its own to tell, a dead one's
			// are told when it is examined.
			for _, id := range carried.Lives {
				named[id] = true
			}
		}
		var after listing
		after, err = list(c.fsys, c.root)
		if err == nil && slices.Equal(before.lives, after.lives) {
			break
		}
		before = after
	}
	return named, err
}

// examine adds the locked life of that index to the dead, or releases it as it was.
func (c *claim) examine(i int) {
	l := c.locked[i]
	d, problems, err := examine(l.Life)
	for rest := i + 1; disk.Starved(err) && rest < len(c.locked); {
		c.shed((rest+len(c.locked))/2, err)
		d, problems, err = examine(l.Life)
	}
	if err != nil {
		release(c.locked[i : i+1])
		c.tell(leftAlone(l.Dir, gone(err))) // see renames: who removes a life may have unlocked it before
		return
	}
	c.Dead = append(c.Dead, d)
	c.Problems = append(c.Problems, problems...)
}

// gone reports that no life of that name is there.
func (c *claim) gone(name string) bool {
	_, err := c.fsys.Lstat(filepath.Join(c.root, name))
	return errors.Is(err, fs.ErrNotExist)
}

// release lets go of lives as they were.
func release(lives []*lockedLife) {
	for _, l := range lives {
		if l.made {
			l.fsys.Remove(filepath.Join(l.Dir, lockName))
		}
		l.Release()
	}
}
