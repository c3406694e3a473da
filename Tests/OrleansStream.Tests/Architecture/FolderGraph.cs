using System.Reflection;
using System.Runtime.CompilerServices;

namespace OrleansStream.Tests.Architecture;

/// <summary>Which folder knows which, as the compiled types of some projects say. A namespace is a folder.</summary>
internal sealed class FolderGraph
{
    private const string Root = "OrleansStream";

    private readonly SortedDictionary<string, SortedDictionary<string, string>> _edges = new(StringComparer.Ordinal);

    /// <summary>Reads the types of projects.</summary>
    /// <param name="projects">The projects' assemblies.</param>
    public FolderGraph(IReadOnlyCollection<Assembly> projects)
    {
        foreach (var type in projects.SelectMany(project => project.GetTypes()).Where(IsOurs))
        {
            foreach (var named in TypeReferences.Of(type).Where(named => projects.Contains(named.Assembly) && IsOurs(named)))
                Add(FolderOf(type), FolderOf(named), $"{type.Name} names {named.Name}");
        }
    }

    /// <summary>Each edge, <c>from -> to</c>, with one reason for it.</summary>
    public IEnumerable<(string From, string To, string Reason)> Edges =>
        _edges.SelectMany(from => from.Value.Select(to => (from.Key, to.Key, to.Value)));

    /// <summary>Finds a way through a graph that comes back to where it began.</summary>
    /// <param name="edges">The graph: per folder those that it knows.</param>
    /// <returns>The folders of that way, in order; empty when there is none.</returns>
    public static IReadOnlyList<string> FindCycle(IReadOnlyDictionary<string, string[]> edges)
    {
        var done = new HashSet<string>(StringComparer.Ordinal);
        foreach (var start in edges.Keys)
        {
            if (Visit(start, []) is { } cycle)
                return cycle;
        }

        return [];

        List<string>? Visit(string folder, List<string> way)
        {
            if (way.IndexOf(folder) is var first and >= 0)
                return [.. way[first..], folder];
            if (done.Contains(folder))
                return null;
            foreach (var next in edges.GetValueOrDefault(folder, []))
            {
                if (Visit(next, [.. way, folder]) is { } cycle)
                    return cycle;
            }

            done.Add(folder);
            return null;
        }
    }

    /// <summary>The folder of a type: its project, and what its namespace adds to the project's own.</summary>
    /// <param name="type">The type.</param>
    public static string FolderOf(Type type) => FolderOf(type.Assembly, type.Namespace!);

    /// <inheritdoc cref="FolderOf(Type)"/>
    /// <param name="assembly">The project's assembly.</param>
    /// <param name="name">The namespace.</param>
    public static string FolderOf(Assembly assembly, string name)
    {
        var project = assembly.GetName().Name![(Root.Length + 1)..];
        var rest = name == Root ? "" : name[(Root.Length + 1)..];
        if (rest == project)
            rest = "";
        else if (rest.StartsWith(project + ".", StringComparison.Ordinal))
            rest = rest[(project.Length + 1)..];
        return rest.Length == 0 ? project : $"{project}/{rest.Replace('.', '/')}";
    }

    // What generators add has namespaces of its own, or says that it was generated.
    private static bool IsOurs(Type type) =>
        type.Namespace is { } name && (name == Root || name.StartsWith(Root + ".", StringComparison.Ordinal))
        && (type.DeclaringType is { } outer ? IsOurs(outer) : !type.IsDefined(typeof(CompilerGeneratedAttribute)));

    private void Add(string from, string to, string reason)
    {
        if (from == to)
            return;
        if (!_edges.TryGetValue(from, out var known))
            _edges.Add(from, known = new SortedDictionary<string, string>(StringComparer.Ordinal));
        known.TryAdd(to, reason);
    }
}
