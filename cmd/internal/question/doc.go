// Package question asks the person who sits at the desktop a question about an app, such as whether it may
// record from the microphone.
//
// The one default call is [Ask]. It asks by a notification with actions where the desktop shows such, and
// else by the dialog that the desktop's portals use for the same purpose (org.freedesktop.impl.portal.Access).
// Whoever asks is outside of the sandbox: nothing that the person reads is the app's own words, but for its
// name, which is its manifest's.
//
// Nobody to ask, and no answer, are not consent: they are errors, and [Later].
package question
