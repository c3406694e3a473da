using System.Net.Sockets;
using Microsoft.Extensions.Options;
using OrleansStream.Storage.Files;

namespace OrleansStream.Hosting;

/// <summary>Failures to start that are the operator's to correct: one line says what to do, and no stack trace.</summary>
internal static class StartFailure
{
    /// <summary>Explains a failure to start.</summary>
    /// <param name="exception">What was thrown from building or running the host.</param>
    /// <returns>One line; null when the failure is not of that kind and is best shown whole.</returns>
    public static string? Explain(Exception exception)
    {
        for (Exception? cause = exception; cause is not null; cause = cause.InnerException)
        {
            switch (cause)
            {
                case OptionsValidationException options:
                    return string.Join(" ", options.Failures);
                case DataFolderException:
                    return cause.Message;
                case SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse or SocketError.AccessDenied }:
                    return $"{exception.Message} Stop the process that uses the address, or choose another with --urls or "
                        + $"{OrleansStreamOptions.SectionName}:Silo:SiloPort.";
            }
        }

        return null;
    }
}
