package disktest

import (
	"io/fs"

	"github.com/fapilog/fapilog/journal/internal/disk"
)

// OpenRoot implements [disk.FS].
func (f *Faulty) OpenRoot(dir string) error {
	if err := f.fail(OpenRoot, dir); err != nil {
		return err
	}
	return f.under.OpenRoot(dir)
}

// Mkdir implements [disk.FS].
func (f *Faulty) Mkdir(path string) error {
	if err := f.fail(Mkdir, path); err != nil {
		return err
	}
	return f.under.Mkdir(path)
}

// ReadDir implements [disk.FS].
func (f *Faulty) ReadDir(path string) ([]fs.DirEntry, error) {
	if err := f.fail(ReadDir, path); err != nil {
		return nil, err
	}
	return f.under.ReadDir(path)
}

// Lstat implements [disk.FS].
func (f *Faulty) Lstat(path string) (fs.FileInfo, error) {
	if err := f.fail(Lstat, path); err != nil {
		return nil, err
	}
	return f.under.Lstat(path)
}

// Create implements [disk.FS].
func (f *Faulty) Create(path string) (disk.File, error) {
	return f.open(Create, path, f.under.Create)
}

// Open implements [disk.FS].
func (f *Faulty) Open(path string) (disk.File, error) {
	return f.open(Open, path, f.under.Open)
}

// OpenRead implements [disk.FS].
func (f *Faulty) OpenRead(path string) (disk.File, error) {
	return f.open(OpenRead, path, f.under.OpenRead)
}

func (f *Faulty) open(op Op, path string, open func(string) (disk.File, error)) (disk.File, error) {
	if err := f.fail(op, path); err != nil {
		return nil, err
	}
	under, err := open(path)
	if err != nil {
		return nil, err
	}
	return &file{faulty: f, path: path, under: under}, nil
}

// WriteFile implements [disk.FS].
func (f *Faulty) WriteFile(path string, data []byte) error {
	if err := f.fail(WriteFile, path); err != nil {
		return err
	}
	return f.under.WriteFile(path, data)
}

// Rename implements [disk.FS].
func (f *Faulty) Rename(from, to string) error {
	if err := f.fail(Rename, from, to); err != nil {
		return err
	}
	if err := f.under.Rename(from, to); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.space.move(from, to)
	return nil
}

// Remove implements [disk.FS].
func (f *Faulty) Remove(path string) error {
	if err := f.fail(Remove, path); err != nil {
		return err
	}
	if err := f.under.Remove(path); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.space.cut(path, 0)
	return nil
}

// Own implements [disk.FS].
func (f *Faulty) Own(info fs.FileInfo) bool { return f.under.Own(info) }

// Mappable implements [disk.FS].
func (f *Faulty) Mappable(dir string) bool {
	return f.mappable() && f.under.Mappable(dir)
}

func (f *Faulty) mappable() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.unmappable
}
