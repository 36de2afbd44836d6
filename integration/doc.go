// Package integration tests fapilog with real servers.
//
// They come from Debian: integration/servers install gets those that are missing.
// Each test starts its own on a loopback address, with its data in a temporary
// directory, and stops it again. A test whose server is not there is skipped and
// says what to do.
package integration
