using System.Reflection;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Tests.Producers;

/// <summary>A router whose answers to appends are given beforehand.</summary>
public class ScriptedRouter : DispatchProxy
{
    /// <summary>The answers, in their order.</summary>
    internal Queue<Func<RecordsAppendRequest, RecordsAppendResponse>> Calls { get; } = new();

    /// <summary>The answer when there is none of <see cref="Calls"/>; null to fail then.</summary>
    internal Func<RecordsAppendRequest, RecordsAppendResponse>? Otherwise { get; set; }

    /// <inheritdoc/>
    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
        targetMethod?.Name == nameof(ITopicRouterGrain.AppendAsync)
            ? new ValueTask<RecordsAppendResponse>(
                (Calls.Count == 0 && Otherwise is { } otherwise ? otherwise : Calls.Dequeue())((RecordsAppendRequest)args![0]!))
            : throw new NotSupportedException(targetMethod?.Name);
}
