// Package follow reads files while others write, rename, truncate and remove them,
// and gives on their lines, each file's in its order.
//
// # Streams and files
//
// A stream is a path that is followed. Over time it names several files, which are
// inodes: each rotation by renaming brings another one. A file belongs to the stream
// whose path named it first, wherever it is renamed to, and is read once: a second
// name of it, such as a rotated one that fits a pattern too, is nothing new.
//
// A stream's files are read one after the other, the older before the newer. As a
// writer may still have the older one open, it is finished only when it has been read
// to its end, a newer one has content, and nothing has been written to it for a
// second; or, whatever its writer does, when [hurried] newer ones wait. A file that is
// nobody's current one and grows after all, while it still lies in the directory, is
// opened again and read on.
//
// A file is recognized by device, inode and print: hashes of the first bytes and of
// the last ones that were read. An inode that was given to another file therefore is
// another file, and one whose print has changed was truncated: it is read from its
// start. What a truncation took is gone; how often that was, and how many bytes are
// known to be lost, is counted. If only the last line was cut off, whose end had not
// been written yet, it is forgotten, and the file read on from there: so writers repair
// a file after a write that failed.
//
// A print does not tell a new file from an older one on the same inode, if it begins
// with all that the older one held. Where inotify tells of the creation, that does.
// Elsewhere, and across a restart, such a file is read from the older one's end on, if
// that was finished, and removed less than [absences] looks before.
//
// # Rotations that nobody has seen
//
// On Linux inotify tells of every creation and renaming in the directories, in order,
// so that files that were created and renamed away before they could be opened are
// followed under their new names. Where a rotation is found without that (on other
// systems, on network file systems, after an overflow of inotify's queue, after a
// restart), the directory is searched for files that nobody knows yet and whose names
// are those of rotated files, see [rotatedFrom]. These are ordered by the time of
// their last change; where that does not tell, by the numbers in their names. Such a
// file that appears without a rotation is somebody's copy, and is not read. One that
// is compressed is not read either, and counted as missed.
//
// # Bounds
//
// A file that is being read or waits for it takes a descriptor; at most [waiting] of a
// stream do, and those beyond are opened later, if they are still there. Of a line
// that has not ended yet the package keeps nothing; see [Lines]. Where descriptors are
// wanting, files are not read until there are some; that is told once for all of them.
package follow
