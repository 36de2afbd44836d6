//go:build !publishfirst

package journal

// publishFirst makes appends publish a frame before they fill it: a mistake that
// the proofs must find. Only a build with the tag publishfirst makes it.
const publishFirst = false
