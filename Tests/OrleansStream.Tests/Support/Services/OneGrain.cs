using System.Reflection;

namespace OrleansStream.Tests.Support.Services;

/// <summary>Knows one grain, whatever is asked for.</summary>
public class OneGrain : DispatchProxy
{
    /// <summary>The grain.</summary>
    public object? Grain { get; set; }

    /// <inheritdoc/>
    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => Grain;
}
