// Package caps names Linux capabilities and reckons with sets of them.
//
// The one default call is Parse, which turns what a manifest or a command line
// says ("net_admin", "all,-sys_rawio") into a Set. Sets holds the five sets of
// a thread, and its Validate says which rule of the kernel they would break.
//
// The package is pure: it makes no system call and does not ask the kernel
// which capabilities it knows. The caller reads
// /proc/sys/kernel/cap_last_cap and hands the number to UpTo.
//
// Of attackers it assumes that they may write the text that Parse reads: an
// unknown name is an error and never ignored, since a typing error in
// "all,-sys_rawoi" would otherwise grant what the author meant to take away.
package caps
