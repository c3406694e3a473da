using OrleansStream.Topics;

namespace OrleansStream.Gateway.Appending;

/// <summary>The identity that a client gave its request, by its producer's sequence or by a key. Kept with the request.</summary>
/// <param name="Identity">The identity.</param>
/// <param name="IsResumed">True when an earlier request under it may have stored some of its records.</param>
/// <param name="Key">What follows the request under its key; null when it has none.</param>
public sealed record ClientIdentity(AppendIdentity Identity, bool IsResumed = false, KeyedRequest? Key = null);
