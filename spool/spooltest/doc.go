// Package spooltest holds the conformance suite that every spool.Store passes
// (Run), and a store in memory (NewMemory) for the tests of the rooms that use
// one.
package spooltest
