using OrleansStream.Errors;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Security;

/// <summary>Records who managed what, what came of it, and what was refused. It holds up nobody and throws nothing.</summary>
public interface IAudit
{
    /// <summary>Records a call that manages something, after it has run, or a call that was refused.</summary>
    /// <param name="audited">The call.</param>
    void Note(AuditedCall audited);
}

/// <summary>What came of an audited call.</summary>
public enum AuditOutcome
{
    /// <summary>It was done.</summary>
    Done,

    /// <summary>The caller lacks the right, or has not signed in. Nothing was done.</summary>
    Refused,

    /// <summary>The caller has the right, and the call failed. Nothing was done.</summary>
    Failed,

    /// <summary>No answer came, or the caller went before it. It may have been done.</summary>
    Unknown,
}

/// <summary>A call that manages something, or a call that was refused. It has nothing of what the call carries.</summary>
/// <param name="Caller">Who called, and from where.</param>
/// <param name="What">The call, by the door's name, such as <c>createTopic</c>.</param>
/// <param name="Operation">The right that it needs.</param>
/// <param name="Kind">The kind of resource.</param>
/// <param name="Name">The resource's name; empty for a list of all.</param>
/// <param name="Outcome">What came of it.</param>
/// <param name="Error">Why it was refused, or failed; null when there is no such reason.</param>
/// <param name="Detail">What is managed of the resource, such as the key that is revoked; null for the resource itself.</param>
public readonly record struct AuditedCall(
    Caller Caller, string What, AccessOperations Operation, ResourceKind Kind, string Name, AuditOutcome Outcome, StreamErrorCode? Error,
    string? Detail = null);
