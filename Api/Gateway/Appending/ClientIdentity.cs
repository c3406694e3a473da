using OrleansStream.Topics;

namespace OrleansStream.Gateway.Appending;

/// <summary>The identity that a client gave to its request: a producer with sequence numbers, or a key. It is kept with the request.</summary>
/// <param name="Identity">The identity.</param>
/// <param name="IsResumed">True when an earlier request under it may have stored some of its records.</param>
/// <param name="Key">The request's key, which remembers its outcome; null when the request has no key.</param>
public sealed record ClientIdentity(AppendIdentity Identity, bool IsResumed = false, KeyedRequest? Key = null);
