"""Calls between processes of one machine over Unix sockets; knows neither Ray nor the stages.

Ray Serve decides which replica a call goes to. Between machines its own gRPC carries the call.
"""
