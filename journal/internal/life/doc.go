// Package life keeps a durable journal's lives: the directories that lie in the
// journal's directory, one for each time a process opened it. It makes the one
// of this process, claims those of processes that have ended, reads and writes
// the files in them that are not records, and removes them.
//
// # Directories
//
// A life's directory is named by its id, 32 hexadecimal digits in lower case.
// With a dot before that it is being made or removed, and holds nothing that
// counts. What has other names, is not a directory or belongs to another user is
// foreign: nobody touches it, and [Claim] tells of another user's lives. In a
// life's directory lie
//
//	lock           held by the process whose life it is, or that drains it
//	<8 hex digits>.segment
//	<key>.cursor   position and tally of one sink, see [CursorFile] and [FileKey]
//	carried        tallies of lives that are gone, see [Carried]
//
// and also what was one of these: a name with .tmp behind it is a file that was
// being written, a cursor with .damaged behind it could not be read. All but the
// segments have a version outside of which nothing changes between versions,
// under the same checksum as the rest, so that a bit that flips in it is told from
// a file of a newer version. A life that has such a file is left alone.
//
// # Who may touch what
//
// Only who has locked a life changes its files; anybody may read them at any
// time, see [Peek]. A lock ends with its process, and is worth something only
// if the name lock still leads to the locked file: a life can be removed between
// opening its lock and locking it.
//
// A life is drained, its tallies are written into the carried of the life that
// drained it, which names it, and then it is removed. So in a directory each
// record's fate is counted once, at whatever moment everything was killed: in the
// life itself, unless a carried names it, and else in that. To find out what is
// named, first lock, then read every carried, those of running processes too;
// see [Claim].
package life
