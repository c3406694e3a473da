using System.Reflection;
using BenchmarkDotNet.Attributes;

namespace OrleansStream.Benchmarks;

/// <summary>Runs every benchmark once for each combination of its parameters, through its own setup and cleanup.</summary>
internal static class Smoke
{
    public static async Task RunAsync()
    {
        foreach (var type in typeof(Smoke).Assembly.GetTypes().Where(type => Methods<BenchmarkAttribute>(type).Any()))
        {
            foreach (var parameters in Combine(type.GetProperties().Where(IsParameter).ToArray()))
                await RunAsync(type, parameters).ConfigureAwait(false);
        }
    }

    private static async Task RunAsync(Type type, List<(PropertyInfo Property, object? Value)> parameters)
    {
        var benchmark = Activator.CreateInstance(type)!;
        foreach (var (property, value) in parameters)
            property.SetValue(benchmark, value);

        var said = string.Join(", ", parameters.Select(parameter => $"{parameter.Property.Name}={parameter.Value}"));
        foreach (var method in Methods<BenchmarkAttribute>(type))
        {
            Console.WriteLine($"{type.Name}.{method.Name} {said}");
            await InvokeAsync<GlobalSetupAttribute>(benchmark).ConfigureAwait(false);
            try
            {
                await InvokeAsync<IterationSetupAttribute>(benchmark).ConfigureAwait(false);
                await InvokeAsync(benchmark, method).ConfigureAwait(false);
            }
            finally
            {
                await InvokeAsync<GlobalCleanupAttribute>(benchmark).ConfigureAwait(false);
            }
        }
    }

    private static bool IsParameter(PropertyInfo property) =>
        property.GetCustomAttribute<ParamsAttribute>() is not null || property.GetCustomAttribute<ParamsAllValuesAttribute>() is not null;

    private static IEnumerable<List<(PropertyInfo Property, object? Value)>> Combine(ReadOnlyMemory<PropertyInfo> properties)
    {
        if (properties.IsEmpty)
        {
            yield return [];
            yield break;
        }

        var first = properties.Span[0];
        var values = first.GetCustomAttribute<ParamsAttribute>()?.Values
            ?? Enum.GetValues(first.PropertyType).Cast<object?>();
        foreach (var value in values)
        {
            foreach (var rest in Combine(properties[1..]))
                yield return [(first, value), .. rest];
        }
    }

    private static IEnumerable<MethodInfo> Methods<TAttribute>(Type type)
        where TAttribute : Attribute =>
        type.GetMethods().Where(method => method.GetCustomAttribute<TAttribute>() is not null);

    private static async Task InvokeAsync<TAttribute>(object benchmark)
        where TAttribute : Attribute
    {
        foreach (var method in Methods<TAttribute>(benchmark.GetType()))
            await InvokeAsync(benchmark, method).ConfigureAwait(false);
    }

    private static async Task InvokeAsync(object benchmark, MethodInfo method)
    {
        if (method.Invoke(benchmark, null) is Task task)
            await task.ConfigureAwait(false);
    }
}
