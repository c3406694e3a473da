using System.Reflection;

namespace OrleansStream;

/// <summary>The version of the program that runs, with the commit that it was built from.</summary>
public static class ProgramVersion
{
    /// <summary>The version of one of its assemblies, which is that of all.</summary>
    /// <param name="assembly">The assembly.</param>
    public static string Of(Assembly assembly)
    {
        ArgumentNullException.ThrowIfNull(assembly);
        return assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
    }
}
