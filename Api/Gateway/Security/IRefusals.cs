using OrleansStream.Security;

namespace OrleansStream.Gateway.Security;

/// <summary>Takes note of what was refused. It holds up nobody and throws nothing.</summary>
public interface IRefusals
{
    /// <summary>Notes a refusal.</summary>
    /// <param name="caller">Who was refused.</param>
    /// <param name="operation">What it was about to do.</param>
    /// <param name="kind">The kind of resource.</param>
    /// <param name="name">The resource's name; empty for a list of all.</param>
    void Note(Caller caller, AccessOperations operation, ResourceKind kind, string name);
}
