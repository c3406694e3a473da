using OrleansStream.Security;

namespace OrleansStream.Gateway.Security;

/// <summary>Takes note of who managed what, and of what was refused. It holds up nobody and throws nothing.</summary>
public interface IAudit
{
    /// <summary>Notes a call that manages something, or one that was refused.</summary>
    /// <param name="audited">The call.</param>
    void Note(AuditedCall audited);
}

/// <summary>A call that manages something, or one that was refused. Nothing of what it carries is in it.</summary>
/// <param name="Caller">Who called, and from where.</param>
/// <param name="What">What was asked for, such as <c>Create</c>.</param>
/// <param name="Operation">The right that it needs.</param>
/// <param name="Kind">The kind of resource.</param>
/// <param name="Name">The resource's name; empty for a list of all.</param>
/// <param name="IsAllowed">False when it was refused. One that is allowed may fail for another reason.</param>
public readonly record struct AuditedCall(Caller Caller, string What, AccessOperations Operation, ResourceKind Kind, string Name, bool IsAllowed);
