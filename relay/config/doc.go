// Package config reads the HCL configuration and makes validated plain structs
// of it, in the option types of the rooms that they are for.
//
// What it promises:
//
//   - Either a Config that needs no further check, or an *Error that names
//     every fault with its line, never both and never a panic.
//   - Nothing is ignored. A key or block that nobody knows is an error; one
//     that is known but has no behaviour yet is checked like any other and
//     then refused with "not supported yet" (the one table in unsupported.go).
//   - Defaults stand here and nowhere else, beside the key that they are for.
//   - Relative paths, those of file("…") and unix:… included, start at the
//     folder of the configuration file: a daemon's working folder is nobody's
//     choice.
//   - The values of env("…"), file("…") and credential("…") are secrets: no
//     diagnostic shows them, and neither the literal value of a key that holds
//     a secret. They are looked up only where LoadOptions.Secrets asks for it;
//     else they are left open, and what depends on them is left at its zero
//     value. Only the blocks spool and admin always get them: they say where
//     the spool and the daemon are, which is what a caller without the secrets
//     wants to know.
//
// Each block has a function of its own that reads it in the order of the
// documentation, through a section: the keys that the function asked for are
// the ones that exist. This keeps name, default, bounds and position of a key
// on one line, which tags on a struct for gohcl could not.
package config
